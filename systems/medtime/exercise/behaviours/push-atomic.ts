import { accepted, conflicted, conflictOn, page, rejected, rejection } from './answers.ts'
import { caseOf, pull, push } from './scene.ts'

const promise = 'push-atomic'

export const pushAtomic = [
  caseOf(
    promise,
    'one-conflict',
    'One conflict among ten: none of the ten is written',
    ({ person, entity, entities }) => {
      const ana = person('ana')
      const stored = entity('stored')
      const late = entity('stored', { text: 'written without having seen the first' })
      const batch = entities('new', 9)
      return [
        push(ana, [stored], accepted(1)),
        push(ana, [...batch.slice(0, 4), late, ...batch.slice(4)], conflicted(conflictOn(late, stored))),
        pull(ana, '', page([stored])),
      ]
    },
  ),
  caseOf(
    promise,
    'conflict-at-the-end',
    'A conflict in the last place undoes changes and deletions before it',
    ({ person, entity }) => {
      const ana = person('ana')
      const kept = [entity('changed'), entity('deleted'), entity('stored')]
      const change = entity('changed', { version: 2 })
      const deletion = entity('deleted', { version: 2, deleted: true })
      const stale = entity('stored', { text: 'stale' })
      return [
        push(ana, kept, accepted(3)),
        push(ana, [change, deletion, stale], conflicted(conflictOn(stale, entity('stored')))),
        pull(ana, '', page(kept)),
      ]
    },
  ),
  caseOf(
    promise,
    'one-rejected',
    'One damaged blob among ten: none of the ten is written',
    ({ person, entity, entities }) => {
      const ana = person('ana')
      const damaged = { ...entity('damaged'), checksum: entity('another').checksum }
      return [
        push(ana, [...entities('new', 9), damaged], rejected([rejection(9, damaged, 'checksum')])),
        pull(ana, '', page([])),
      ]
    },
  ),
  caseOf(promise, 'hundred', 'A hundred entities are written as one', ({ person, entities }) => {
    const ana = person('ana')
    const batch = entities('new', 100)
    return [push(ana, batch, accepted(100)), pull(ana, 'limit=100', page(batch))]
  }),
  caseOf(promise, 'after-refusal', 'A refused batch leaves no trace that hinders the next', ({ person, entity }) => {
    const ana = person('ana')
    const [first, second, skipping] = [entity('first'), entity('second'), entity('second', { version: 3 })]
    return [
      push(ana, [first, skipping], conflicted(conflictOn(skipping, undefined))),
      push(ana, [first, second], accepted(2)),
      pull(ana, '', page([first, second])),
    ]
  }),
]
