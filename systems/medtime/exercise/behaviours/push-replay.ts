import { accepted, conflicted, conflictOn, page } from './answers.ts'
import { caseOf, pull, push } from './scene.ts'

const promise = 'push-replay'

export const pushReplay = [
  caseOf(promise, 'identical', 'An identical push succeeds and changes nothing', ({ person, entities }) => {
    const ana = person('ana')
    const batch = entities('dose', 3)
    return [
      push(ana, batch, accepted(3)),
      pull(ana, '', page(batch), { save: { cursor: '/cursor' } }),
      push(ana, batch, accepted(3)),
      pull(ana, 'cursor={{cursor}}', page([])),
      pull(ana, '', page(batch)),
    ]
  }),
  caseOf(promise, 'mixed', 'What a batch repeats is not sent again, what it adds is', ({ person, entity }) => {
    const ana = person('ana')
    const [known, fresh] = [entity('known'), entity('fresh')]
    return [
      push(ana, [known], accepted(1)),
      pull(ana, '', page([known]), { save: { cursor: '/cursor' } }),
      push(ana, [known, fresh], accepted(2)),
      pull(ana, 'cursor={{cursor}}', page([fresh])),
    ]
  }),
  caseOf(promise, 'deletion', 'A deletion can be repeated too', ({ person, entity }) => {
    const ana = person('ana')
    const [v1, gone] = [entity('dose'), entity('dose', { version: 2, deleted: true })]
    return [
      push(ana, [v1], accepted(1)),
      push(ana, [gone], accepted(1)),
      pull(ana, '', page([gone]), { save: { cursor: '/cursor' } }),
      push(ana, [gone], accepted(1)),
      pull(ana, 'cursor={{cursor}}', page([])),
    ]
  }),
  caseOf(promise, 'not-quite', 'A push that differs in anything is no repetition', ({ person, entity }) => {
    const ana = person('ana')
    const stored = entity('dose')
    const other = [
      { ...stored, entity_type: 'schedule' },
      { ...stored, key_id: 'key-2' },
      { ...stored, deleted: true },
      entity('dose', { text: 'other bytes' }),
    ]
    return [
      push(ana, [stored], accepted(1)),
      ...other.map((item) => push(ana, [item], conflicted(conflictOn(item, stored)))),
      pull(ana, '', page([stored])),
    ]
  }),
  caseOf(promise, 'superseded', 'Repeating a version that was replaced is a conflict', ({ person, entity }) => {
    const ana = person('ana')
    const [v1, v2] = [entity('dose'), entity('dose', { version: 2 })]
    return [
      push(ana, [v1], accepted(1)),
      push(ana, [v2], accepted(1)),
      push(ana, [v1], conflicted(conflictOn(v1, v2))),
      pull(ana, '', page([v2])),
    ]
  }),
]
