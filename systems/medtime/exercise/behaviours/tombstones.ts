import { accepted, conflicted, conflictOn, page } from './answers.ts'
import { caseOf, pull, push } from './scene.ts'

const promise = 'tombstones'
const next = { save: { cursor: '/cursor' } }

export const tombstones = [
  caseOf(promise, 'travels', 'A deletion reaches a device that holds the entity', ({ person, entity }) => {
    const ana = person('ana')
    const gone = entity('dose', { version: 2, deleted: true })
    return [
      push(ana, [entity('dose')], accepted(1), { device: 'phone' }),
      pull(ana, 'device_id=tablet', page([entity('dose')]), next),
      push(ana, [gone], accepted(1), { device: 'phone' }),
      pull(ana, 'device_id=tablet&cursor={{cursor}}', page([gone])),
    ]
  }),
  caseOf(promise, 'from-the-start', 'A new device learns what was deleted', ({ person, entity }) => {
    const ana = person('ana')
    const gone = entity('dose', { version: 2, deleted: true })
    return [
      push(ana, [entity('dose'), entity('other')], accepted(2)),
      push(ana, [gone], accepted(1)),
      pull(ana, '', page([entity('other'), gone])),
    ]
  }),
  caseOf(
    promise,
    'never-seen',
    'An entity deleted before it was ever sent leaves a tombstone',
    ({ person, entity }) => {
      const ana = person('ana')
      const gone = entity('dose', { deleted: true })
      return [push(ana, [gone], accepted(1)), pull(ana, '', page([gone]))]
    },
  ),
  caseOf(
    promise,
    'stale-deletion',
    'A deletion that has not seen the last change is a conflict',
    ({ person, entity }) => {
      const ana = person('ana')
      const v2 = entity('dose', { version: 2 })
      const gone = entity('dose', { version: 2, deleted: true, text: 'gone' })
      return [
        push(ana, [entity('dose')], accepted(1)),
        push(ana, [v2], accepted(1)),
        push(ana, [gone], conflicted(conflictOn(gone, v2))),
        pull(ana, '', page([v2])),
      ]
    },
  ),
  caseOf(promise, 'stale-change', 'A change that has not seen the deletion is a conflict', ({ person, entity }) => {
    const ana = person('ana')
    const gone = entity('dose', { version: 2, deleted: true })
    const change = entity('dose', { version: 2, text: 'changed' })
    return [
      push(ana, [entity('dose')], accepted(1)),
      push(ana, [gone], accepted(1)),
      push(ana, [change], conflicted(conflictOn(change, gone))),
    ]
  }),
  caseOf(promise, 'revived', 'A client that has seen the deletion can write the next version', ({ person, entity }) => {
    const ana = person('ana')
    const back = entity('dose', { version: 3 })
    return [
      push(ana, [entity('dose')], accepted(1)),
      push(ana, [entity('dose', { version: 2, deleted: true })], accepted(1)),
      push(ana, [back], accepted(1)),
      pull(ana, '', page([back])),
    ]
  }),
]
