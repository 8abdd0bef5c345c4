import type { Expectation, Json } from 'aval'
import type { WireEntity } from '../wire.ts'
import { accepted, page, refused } from './answers.ts'
import { caseOf, pull, push, raw } from './scene.ts'

const promise = 'rotation-whole'

function rotate(as: string, rotation: string, entities: WireEntity[], commit: boolean, expect: Expectation) {
  const json = { device_id: 'device-1', rotation, entity_types: ['medication'], key_id: 'key-2', entities, commit }
  return raw({ method: 'POST', path: '/sync/rotate', json }, expect, as)
}

const done = (staged: number, rotated: number): Expectation => ({ status: 200, json: { staged, rotated } })
const incomplete = (...entities: Json[]): Expectation => ({
  ...refused(409, 'ROTATION_INCOMPLETE'),
  json: { code: 'ROTATION_INCOMPLETE', entities, total: entities.length },
})

export const rotationWhole = [
  caseOf(
    promise,
    'at-once',
    'Batches under a new key are seen together, once the last has come',
    ({ person, entity, entities }) => {
      const ana = person('ana')
      const old = entities('dose', 4)
      const renewed = old.map((_, index) => entity(`dose-${index}`, { version: 2, keyId: 'key-2' }))
      const rotation = entity('rotation').id
      return [
        push(ana, old, accepted(4)),
        rotate(ana, rotation, renewed.slice(0, 2), false, done(2, 0)),
        pull(ana, '', page(old)),
        rotate(ana, rotation, renewed.slice(2), true, done(4, 4)),
        pull(ana, '', page(renewed)),
        rotate(ana, rotation, renewed.slice(2), true, done(0, 4)),
      ]
    },
  ),
  caseOf(
    promise,
    'left-out',
    'A set that leaves an entity out is refused by its name',
    ({ person, entity, entities }) => {
      const ana = person('ana')
      const old = entities('dose', 3)
      const renewed = old.map((_, index) => entity(`dose-${index}`, { version: 2, keyId: 'key-2' }))
      const rotation = entity('rotation').id
      const [left] = old
      return [
        push(ana, old, accepted(3)),
        rotate(ana, rotation, renewed.slice(1), true, incomplete({ id: left?.id ?? '', reason: 'missing' })),
        pull(ana, '', page(old)),
        rotate(ana, rotation, renewed.slice(0, 1), true, done(3, 3)),
        pull(ana, '', page(renewed)),
      ]
    },
  ),
  caseOf(
    promise,
    'written-meanwhile',
    'A set in which another device wrote meanwhile is refused, and what it wrote stays',
    ({ person, entity, entities }) => {
      const ana = person('ana')
      const old = entities('dose', 2)
      const renewed = old.map((_, index) => entity(`dose-${index}`, { version: 2, keyId: 'key-2' }))
      const rotation = entity('rotation').id
      const change = entity('dose-0', { version: 2, text: 'of another device' })
      const [, second] = old
      return [
        push(ana, old, accepted(2)),
        rotate(ana, rotation, renewed, false, done(2, 0)),
        push(ana, [change], accepted(1), { device: 'device-2' }),
        rotate(ana, rotation, [], true, incomplete({ id: change.id, reason: 'changed' })),
        pull(ana, '', page(second === undefined ? [] : [second, change])),
      ]
    },
  ),
]
