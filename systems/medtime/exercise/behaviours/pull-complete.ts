import { accepted, page } from './answers.ts'
import { caseOf, pull, push } from './scene.ts'

const promise = 'pull-complete'
const next = { save: { cursor: '/cursor' } }

export const pullComplete = [
  caseOf(promise, 'chain', 'Pages follow each other until all is seen, nothing twice', ({ person, entities }) => {
    const ana = person('ana')
    const all = entities('dose', 7)
    return [
      push(ana, all, accepted(7)),
      pull(ana, 'limit=3', page(all.slice(0, 3), { more: true }), next),
      pull(ana, 'limit=3&cursor={{cursor}}', page(all.slice(3, 6), { more: true }), next),
      pull(ana, 'limit=3&cursor={{cursor}}', page(all.slice(6)), next),
      pull(ana, 'limit=3&cursor={{cursor}}', page([])),
    ]
  }),
  caseOf(
    promise,
    'changed-between-pages',
    'What changes between two pages is seen in its newest form',
    ({ person, entity, entities }) => {
      const ana = person('ana')
      const all = entities('dose', 4)
      const change = entity('dose-0', { version: 2 })
      return [
        push(ana, all, accepted(4)),
        pull(ana, 'limit=2', page(all.slice(0, 2), { more: true }), next),
        push(ana, [change], accepted(1)),
        pull(ana, 'limit=10&cursor={{cursor}}', page([...all.slice(2), change])),
      ]
    },
  ),
  caseOf(promise, 'added-between-pages', 'What is added between two pages is seen too', ({ person, entities }) => {
    const ana = person('ana')
    const [all, added] = [entities('dose', 4), entities('added', 3)]
    return [
      push(ana, all, accepted(4)),
      pull(ana, 'limit=3', page(all.slice(0, 3), { more: true }), next),
      push(ana, added, accepted(3)),
      pull(ana, 'limit=3&cursor={{cursor}}', page([...all.slice(3), ...added.slice(0, 2)], { more: true }), next),
      pull(ana, 'limit=3&cursor={{cursor}}', page(added.slice(2))),
    ]
  }),
  caseOf(promise, 'later', 'A cursor at the end sees what comes later, once', ({ person, entity }) => {
    const ana = person('ana')
    const [first, second] = [entity('first'), entity('second')]
    return [
      push(ana, [first], accepted(1)),
      pull(ana, '', page([first]), next),
      pull(ana, 'cursor={{cursor}}', page([]), next),
      push(ana, [second], accepted(1)),
      pull(ana, 'cursor={{cursor}}', page([second]), next),
      pull(ana, 'cursor={{cursor}}', page([])),
    ]
  }),
  caseOf(promise, 'from-nothing', 'A cursor of a user without data sees the first entity', ({ person, entity }) => {
    const ana = person('ana')
    return [
      pull(ana, '', page([]), next),
      push(ana, [entity('first')], accepted(1)),
      pull(ana, 'cursor={{cursor}}', page([entity('first')])),
    ]
  }),
  caseOf(
    promise,
    'between-devices',
    'What one device writes the other reads as it was written',
    ({ person, entity }) => {
      const ana = person('ana')
      const dose = entity('dose', { type: 'dose_log', keyId: 'key-7' })
      const expected = page([dose])
      const told = { ...dose, client_id: 'phone', updated_at: 're:^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}' }
      return [
        push(ana, [dose], accepted(1), { device: 'phone' }),
        pull(ana, 'device_id=tablet', { ...expected, json: { entities: [told] } }),
      ]
    },
  ),
  caseOf(promise, 'cursor-of-push', 'The cursor of a push stands after what was pushed', ({ person, entity }) => {
    const ana = person('ana')
    return [
      push(ana, [entity('first')], accepted(1), next),
      pull(ana, 'cursor={{cursor}}', page([])),
      push(ana, [entity('second')], accepted(1)),
      pull(ana, 'cursor={{cursor}}', page([entity('second')])),
    ]
  }),
]
