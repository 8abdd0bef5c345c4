import { accepted, page, refused } from './answers.ts'
import { caseOf, pull, push } from './scene.ts'

const promise = 'pull-pages'
const next = { save: { cursor: '/cursor' } }

export const pullPages = [
  caseOf(promise, 'default', 'Without a limit a page holds 50', ({ person, entities }) => {
    const ana = person('ana')
    const all = entities('dose', 60)
    return [
      push(ana, all, accepted(60)),
      pull(ana, '', page(all.slice(0, 50), { more: true }), next),
      pull(ana, 'cursor={{cursor}}', page(all.slice(50))),
    ]
  }),
  caseOf(promise, 'largest', 'A page holds 100 at most', ({ person, entities }) => {
    const ana = person('ana')
    const [first, second] = [entities('first', 100), entities('second', 1)]
    return [
      push(ana, first, accepted(100)),
      push(ana, second, accepted(1)),
      pull(ana, 'limit=100', page(first, { more: true }), next),
      pull(ana, 'limit=100&cursor={{cursor}}', page(second)),
    ]
  }),
  caseOf(promise, 'smallest', 'A page of one holds one', ({ person, entities }) => {
    const ana = person('ana')
    const all = entities('dose', 2)
    return [
      push(ana, all, accepted(2)),
      pull(ana, 'limit=1', page(all.slice(0, 1), { more: true }), next),
      pull(ana, 'limit=1&cursor={{cursor}}', page(all.slice(1))),
    ]
  }),
  caseOf(promise, 'exact', 'A page that ends with the data says that there is no more', ({ person, entities }) => {
    const ana = person('ana')
    const all = entities('dose', 3)
    return [push(ana, all, accepted(3)), pull(ana, 'limit=3', page(all))]
  }),
  caseOf(promise, 'out-of-range', 'A limit outside 1 to 100 is refused', ({ person }) => {
    const ana = person('ana')
    return ['0', '101', '-1', '1.5', 'ten', ''].map((limit) => pull(ana, `limit=${limit}`, refused(400, 'BAD_REQUEST')))
  }),
  caseOf(promise, 'bytes', 'A page holds 4 MB of blobs at most and the rest follows', ({ person, entity }) => {
    const ana = person('ana')
    const all = Array.from({ length: 6 }, (_, index) => entity(`large-${index}`, { size: 900_000 }))
    return [
      ...all.map((item) => push(ana, [item], accepted(1))),
      pull(ana, 'limit=100', page(all.slice(0, 4), { more: true }), next),
      pull(ana, 'limit=100&cursor={{cursor}}', page(all.slice(4))),
    ]
  }),
]
