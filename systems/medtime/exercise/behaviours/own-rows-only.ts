import { accepted, conflicted, conflictOn, page } from './answers.ts'
import { caseOf, pull, push, status } from './scene.ts'

const promise = 'own-rows-only'

export const ownRowsOnly = [
  caseOf(promise, 'pull', "Another user's entities are not pulled", ({ person, entity, entities }) => {
    const [ana, bob] = [person('ana'), person('bob')]
    const [hers, his] = [entities('hers', 3), [entity('his')]]
    return [
      push(ana, hers, accepted(3)),
      pull(bob, 'limit=100', page([])),
      push(bob, his, accepted(1)),
      pull(bob, 'limit=100', page(his)),
      pull(bob, 'since=2000-01-01T00:00:00Z', page(his)),
      pull(ana, 'limit=100', page(hers)),
    ]
  }),
  caseOf(promise, 'same-id', 'Two users may use the same id; neither learns of the other', ({ person, entity }) => {
    const [ana, bob] = [person('ana'), person('bob')]
    const [hers, his] = [entity('dose', { text: 'hers' }), entity('dose', { text: 'his' })]
    return [
      push(ana, [hers], accepted(1)),
      push(bob, [his], accepted(1)),
      pull(ana, '', page([hers])),
      pull(bob, '', page([his])),
    ]
  }),
  caseOf(promise, 'no-hint', "A conflict never tells of another user's entity", ({ person, entity }) => {
    const [ana, bob] = [person('ana'), person('bob')]
    const [hers, guess] = [entity('dose', { text: 'hers' }), entity('dose', { version: 2, text: 'a guess' })]
    const told = conflicted(conflictOn(guess, undefined))
    return [
      push(ana, [hers], accepted(1)),
      push(bob, [guess], { ...told, text: { lacks: [hers.checksum] } }),
      pull(ana, '', page([hers])),
    ]
  }),
  caseOf(promise, 'deletion', "A deletion never reaches another user's entity", ({ person, entity }) => {
    const [ana, bob] = [person('ana'), person('bob')]
    const hers = entity('dose', { text: 'hers' })
    const gone = entity('dose', { deleted: true, text: 'gone' })
    return [
      push(ana, [hers], accepted(1)),
      push(bob, [gone], accepted(1)),
      pull(ana, '', page([hers])),
      push(ana, [entity('dose', { version: 2 })], accepted(1)),
      pull(bob, '', page([gone])),
    ]
  }),
  caseOf(promise, 'devices', "Another user's devices are not listed", ({ person, entity }) => {
    const [ana, bob] = [person('ana'), person('bob')]
    return [
      push(ana, [entity('dose')], accepted(1), { device: 'phone-of-ana' }),
      status(bob, { status: 200, json: { devices: [] }, text: { lacks: ['phone-of-ana'] } }),
    ]
  }),
  caseOf(promise, 'same-device', 'Two users may name their devices alike', ({ person, entity, entities }) => {
    const [ana, bob] = [person('ana'), person('bob')]
    const onlyDevice = (written: number) => ({
      status: 200,
      json: { devices: [{ device_id: 'phone', sync_version: written, vector: { phone: written } }] },
    })
    return [
      push(ana, entities('hers', 2), accepted(2), { device: 'phone' }),
      push(bob, [entity('his')], accepted(1), { device: 'phone' }),
      status(ana, onlyDevice(2)),
      status(bob, onlyDevice(1)),
    ]
  }),
]
