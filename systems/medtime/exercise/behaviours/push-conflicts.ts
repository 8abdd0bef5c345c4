import { accepted, conflicted, conflictOn, page, refused, rejected, rejection } from './answers.ts'
import { caseOf, pull, push } from './scene.ts'

const promise = 'push-conflicts'

export const pushConflicts = [
  caseOf(
    promise,
    'same-version',
    'Two devices write the same version: the second is told what the server holds',
    ({ person, entity }) => {
      const ana = person('ana')
      const first = entity('dose', { text: 'from the phone' })
      const second = entity('dose', { text: 'from the tablet' })
      return [
        push(ana, [first], accepted(1), { device: 'phone' }),
        push(ana, [second], conflicted(conflictOn(second, first)), { device: 'tablet' }),
        pull(ana, '', page([first])),
      ]
    },
  ),
  caseOf(promise, 'older-version', 'A version older than the stored one is refused', ({ person, entity }) => {
    const ana = person('ana')
    const [v1, v2] = [entity('dose'), entity('dose', { version: 2 })]
    const old = entity('dose', { text: 'a first version that comes late' })
    return [
      push(ana, [v1], accepted(1)),
      push(ana, [v2], accepted(1)),
      push(ana, [old], conflicted(conflictOn(old, v2))),
      pull(ana, '', page([v2])),
    ]
  }),
  caseOf(promise, 'version-skipped', 'A version that skips one is refused', ({ person, entity }) => {
    const ana = person('ana')
    const [v1, v3] = [entity('dose'), entity('dose', { version: 3 })]
    return [push(ana, [v1], accepted(1)), push(ana, [v3], conflicted(conflictOn(v3, v1))), pull(ana, '', page([v1]))]
  }),
  caseOf(promise, 'unknown-entity', 'An entity the server does not hold starts at version 1', ({ person, entity }) => {
    const ana = person('ana')
    const v2 = entity('dose', { version: 2 })
    return [push(ana, [v2], conflicted(conflictOn(v2, undefined))), pull(ana, '', page([]))]
  }),
  caseOf(promise, 'all-listed', 'Every conflict of a batch is listed', ({ person, entity, entities }) => {
    const ana = person('ana')
    const stored = entities('dose', 3)
    const late = stored.map((_, index) => entity(`dose-${index}`, { text: `late ${index}` }))
    const skipping = entity('skipping', { version: 4 })
    const conflicts = [...late.map((item, index) => conflictOn(item, stored[index])), conflictOn(skipping, undefined)]
    return [
      push(ana, stored, accepted(3)),
      push(ana, [entity('fine'), ...late, entity('fine too'), skipping], conflicted(...conflicts)),
      pull(ana, '', page(stored)),
    ]
  }),
  caseOf(promise, 'beside-rejected', 'Conflicts are listed beside damaged items', ({ person, entity }) => {
    const ana = person('ana')
    const stored = entity('dose')
    const late = entity('dose', { text: 'late' })
    const damaged = { ...entity('damaged'), checksum: stored.checksum }
    return [
      push(ana, [stored], accepted(1)),
      push(ana, [damaged, late], rejected([rejection(0, damaged, 'checksum')], [conflictOn(late, stored)])),
    ]
  }),
  caseOf(promise, 'resolved', 'A client that has seen the conflict writes the next version', ({ person, entity }) => {
    const ana = person('ana')
    const first = entity('dose', { text: 'phone' })
    const merged = entity('dose', { version: 2, text: 'phone and tablet' })
    return [
      push(ana, [first], accepted(1), { device: 'phone' }),
      push(ana, [entity('dose', { text: 'tablet' })], { status: 409 }, { device: 'tablet' }),
      push(ana, [merged], accepted(1), { device: 'tablet' }),
      pull(ana, '', page([merged])),
    ]
  }),
  caseOf(
    promise,
    'named-base',
    'A client that brings back what was lost names the version it replaces',
    ({ person, entity }) => {
      const ana = person('ana')
      const stored = entity('dose')
      const back = { ...entity('dose', { version: 5 }), base_version: 1 }
      const blind = { ...entity('dose', { version: 9 }), base_version: 4 }
      const backwards = { ...entity('dose', { version: 5 }), base_version: 5 }
      return [
        push(ana, [stored], accepted(1)),
        push(ana, [blind], conflicted(conflictOn(blind, stored))),
        push(ana, [backwards], refused(400, 'BAD_REQUEST')),
        push(ana, [back], accepted(1)),
        pull(ana, '', page([entity('dose', { version: 5 })])),
      ]
    },
  ),
]
