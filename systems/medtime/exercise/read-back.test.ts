import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Ack } from 'aval'
import type { RawSync, StoredEntity } from './raw-sync.ts'
import { fateOf, readBack } from './read-back.ts'

const promised = { id: 'a', version: 2, checksum: 'c2', deleted: false }
const held = (change: Partial<StoredEntity> = {}): StoredEntity => ({ ...promised, ...change })

describe('an acknowledged entity', () => {
  test('is kept when it is there as it was written', () => {
    assert.equal(fateOf(promised, held()), 'kept')
  })
  test('is kept when a later version replaced it, deletions included', () => {
    assert.equal(fateOf(promised, held({ version: 3, checksum: 'c3', deleted: true })), 'kept')
  })
  test('is lost when it is not there or only an older version is', () => {
    assert.equal(fateOf(promised, undefined), 'lost')
    assert.equal(fateOf(promised, held({ version: 1 })), 'lost')
  })
  test('is kept when another device deleted the same under the same version', () => {
    assert.equal(fateOf({ ...promised, deleted: true }, held({ checksum: 'other', deleted: true })), 'kept')
  })

  test('is altered when the same version holds something else', () => {
    assert.equal(fateOf(promised, held({ checksum: 'other' })), 'altered')
    assert.equal(fateOf(promised, held({ deleted: true })), 'altered')
  })
})

describe('reading back', () => {
  let clock = 1_000
  const ack = (entities: (typeof promised)[], acknowledgedAt = 500): Ack => {
    const token = { user: 'u', entities }
    return { id: 'x', actor: 'u', operation: 'push', kind: 'write', sentAt: 400, acknowledgedAt, token }
  }
  const world = (entities: StoredEntity[]) => {
    const state = { entities, cursor: 'c1', pulls: 0 }
    const device: RawSync = {
      push: async () => undefined,
      pullPage: async () => [],
      pullAll: async () => {
        state.pulls++
        return new Map(state.entities.map((entity) => [entity.id, entity]))
      },
      position: async () => ({ epoch: 1, cursor: state.cursor }),
    }
    return { state, reading: readBack({ device: () => device, now: () => clock }) }
  }

  test('lets the worst entity of an acknowledgement decide', async () => {
    const { reading } = world([held(), held({ id: 'b', checksum: 'other' })])
    const missing = { ...promised, id: 'c' }
    assert.equal(await reading.fateOf(ack([promised])), 'kept')
    assert.equal(await reading.fateOf(ack([promised, { ...promised, id: 'b' }])), 'altered')
    assert.equal(await reading.fateOf(ack([{ ...promised, id: 'b' }, missing, promised])), 'lost')
  })

  test('shares one look among many acknowledgements', async () => {
    const { reading, state } = world([held()])
    await Promise.all(Array.from({ length: 20 }, () => reading.fateOf(ack([promised]))))
    assert.equal(state.pulls, 1)
  })

  test('never believes a look that is older than the acknowledgement', async () => {
    const { reading, state } = world([])
    assert.equal(await reading.fateOf(ack([promised], clock - 1)), 'lost')
    state.entities = [held()]
    clock += 10
    assert.equal(await reading.fateOf(ack([promised], clock - 1)), 'kept')
    assert.equal(state.pulls, 2)
  })

  test('looks again when the position moved, when time has passed, and when told to forget', async () => {
    const { reading, state } = world([held()])
    await reading.fateOf(ack([promised]))
    state.entities = []
    clock += 1_500
    assert.equal(await reading.fateOf(ack([promised])), 'kept', 'the position has not moved')
    clock += 1_500
    state.cursor = 'c2'
    assert.equal(await reading.fateOf(ack([promised])), 'lost')
    state.entities = [held()]
    reading.forget()
    assert.equal(await reading.fateOf(ack([promised])), 'kept')
    state.entities = []
    clock += 60_000
    assert.equal(await reading.fateOf(ack([promised])), 'lost')
  })

  test('reads an acknowledgement that went through JSON', async () => {
    const { reading } = world([held()])
    assert.equal(await reading.fateOf(JSON.parse(JSON.stringify(ack([promised])))), 'kept')
  })
})
