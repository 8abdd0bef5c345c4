import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Ack, Actor, Exercise } from 'aval'
import { withClient } from '../../src/postgres/connection.ts'
import { seededRandom } from '../../src/random.ts'
import { allMutations } from './exercise/mutations/all.ts'
import { ackToken } from './exercise/read-back.ts'
import { exercise as createExercise } from './exercise.ts'
import { startSystem, type TestSystem } from './test/system.ts'

let system: TestSystem
let down = false
const exerciseOf = (of: () => TestSystem): Exercise =>
  createExercise({
    // Nothing listens on the discard port: what an outage looks like to a client.
    address: (service) => (down ? 'http://127.0.0.1:9' : service === 'issuer' ? of().issuer : of().api),
    now: () => Date.now(),
  })
const exercise = exerciseOf(() => system)
before(async () => {
  system = await startSystem()
})
after(async () => {
  await system?.stop()
})

/** As many operations of each actor as told, all actors at once. */
async function work(by: Exercise, actors: readonly Actor[], steps: number, seed = 7): Promise<Ack[]> {
  const acks = await Promise.all(
    actors.map(async (actor) => {
      const random = seededRandom(seed).fork(actor.id)
      const own: Ack[] = []
      for (let index = 0; index < steps; index++) own.push(await by.step(actor, random))
      return own
    }),
  )
  return acks.flat()
}

async function fates(by: Exercise, acks: readonly Ack[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const ack of acks.filter(({ kind }) => kind === 'write')) {
    const fate = await by.readBack(JSON.parse(JSON.stringify(ack)))
    counts[fate] = (counts[fate] ?? 0) + 1
  }
  return counts
}

const asOwner = (url: string, sql: string) => withClient(url, (client) => client.query(sql))
const asSuperuser = (sql: string) => asOwner(system.adminUrl, sql)

describe('acknowledgements', () => {
  test('are all kept by a system that works, with two devices of a user at work at once', async () => {
    const actors = await exercise.actors(1, 4)
    const acks = await work(exercise, actors, 12)
    assert.equal(acks.length, 48)
    assert.equal(new Set(acks.map(({ id }) => id)).size, 48, 'ids are unique')
    const written = acks.filter(({ kind }) => kind === 'write')
    assert.ok(written.length > 20)
    assert.ok(written.every((ack) => ackToken.parse(ack.token).entities.length > 0 && ack.acknowledgedAt >= ack.sentAt))
    assert.ok(acks.some(({ kind }) => kind === 'read'))
    assert.deepEqual(await fates(exercise, acks), { kept: written.length })
  })

  test('are lost when a row is gone or went back, and altered when it holds something else', async () => {
    const actors = await exercise.actors(2, 1)
    const acks = (await work(exercise, actors, 3)).filter(({ kind }) => kind === 'write')
    const last = acks.at(-1)
    assert.ok(last)
    const { user, entities } = ackToken.parse(last.token)
    const [entity] = entities
    assert.ok(entity)
    const row = `user_id = '${user}' AND id = '${entity.id}'`
    // A new exercise each time: what is changed behind the service's back does not move the user's position.
    const change = async (sql: string) => {
      await asSuperuser(sql)
      return exerciseOf(() => system).readBack(last)
    }
    assert.equal(await change(`UPDATE srv_encrypted_entities SET checksum = repeat('0', 64) WHERE ${row}`), 'altered')
    assert.equal(await change(`UPDATE srv_encrypted_entities SET version = ${entity.version + 1} WHERE ${row}`), 'kept')
    assert.equal(await change(`DELETE FROM srv_encrypted_entities WHERE ${row}`), 'lost')
  })

  test('are made of success alone: an operation nobody answered rejects, and goes with the next one', async () => {
    const [actor] = await exercise.actors(3, 1)
    assert.ok(actor)
    const random = seededRandom(3)
    down = true
    await assert.rejects(exercise.step(actor, random), /cannot be reached/).finally(() => {
      down = false
    })
    const ack = await exercise.step(actor, random)
    assert.equal(ack.operation, 'sync')
    assert.deepEqual(await fates(exercise, [ack, ...(await work(exercise, [actor], 3))]).then(Object.keys), ['kept'])
  })
})

describe('after a restore', () => {
  test('clients bring back what the restored server has not got', async () => {
    const actors = await exercise.actors(4, 3)
    const before = await work(exercise, actors, 4)
    const users = [...new Set(before.map((ack) => `'${ackToken.parse(ack.token).user}'`))].join(', ')
    const of = `WHERE user_id IN (${users})`
    await asSuperuser(`CREATE TABLE backup AS SELECT * FROM srv_encrypted_entities ${of};
      CREATE TABLE backup_users AS SELECT user_id, sequence, changed_at FROM srv_users ${of}`)
    const later = await work(exercise, actors, 4, 8)
    await asSuperuser(`BEGIN;
      DELETE FROM srv_encrypted_entities ${of};
      INSERT INTO srv_encrypted_entities SELECT * FROM backup;
      UPDATE srv_users u SET sequence = b.sequence, changed_at = b.changed_at FROM backup_users b WHERE b.user_id = u.user_id;
      SELECT srv_raise_epoch();
      DROP TABLE backup, backup_users;
      COMMIT`)
    const fresh = exerciseOf(() => system)
    assert.ok(((await fates(fresh, later))['lost'] ?? 0) > 0, 'the restore lost something')
    await exercise.settle?.(actors)
    const all = [...before, ...later]
    assert.deepEqual(Object.keys(await fates(exercise, all)), ['kept'])
    assert.deepEqual(Object.keys(await fates(exercise, await work(exercise, actors, 3, 9))), ['kept'])
  })
})

describe('the operations of the plan', () => {
  test('are performed', async () => {
    const [actor] = await exercise.actors(5, 1)
    assert.ok(actor)
    const count = async () => {
      const sql = 'SELECT count(*)::int AS count FROM srv_encrypted_entities'
      return withClient(
        system.adminUrl,
        async (client) => (await client.query<{ count: number }>(sql)).rows[0]?.count ?? 0,
      )
    }
    const start = await count()
    await exercise.perform('push of 50 entities', actor, seededRandom(1))
    await exercise.perform('push of 50 entities', actor, seededRandom(1))
    assert.equal((await count()) - start, 100, 'the same seed again writes new entities')
    await exercise.perform('pull of 50 entities', actor, seededRandom(1))
    await exercise.perform('search of the catalog', actor, seededRandom(1))
    await assert.rejects(exercise.perform('dance', actor, seededRandom(1)), /no operation "dance"/)
  })
})

describe('smoke', () => {
  test('passes on a system that works and names what does not', async () => {
    const healthy = await exercise.smoke()
    assert.deepEqual(
      healthy.checks.filter(({ passed }) => !passed),
      [],
    )
    assert.equal(healthy.passed, true)
    down = true
    const broken = await exercise.smoke().finally(() => {
      down = false
    })
    assert.equal(broken.passed, false)
    assert.deepEqual(
      broken.checks.map(({ passed }) => passed),
      broken.checks.map(() => false),
    )
  })
})

describe('paths', () => {
  test('carry a planted value in; it appears neither in the log nor in the metrics, and the service lives', async () => {
    const planted = 'Zyprexal 7731-Ana'
    const paths = exercise.paths()
    assert.equal(new Set(paths.map(({ id }) => id)).size, paths.length)
    for (const path of paths) await path.plant(planted)
    const metrics = await (await fetch(`${system.api}/metrics`)).text()
    for (const form of [planted, encodeURIComponent(planted), Buffer.from(planted).toString('base64'), 'Zyprexal'])
      for (const [name, text] of Object.entries({ metrics, log: system.log() }))
        assert.ok(!text.includes(form), `${name} is free of ${form}`)
    assert.equal((await exercise.smoke()).passed, true)
  })
})

describe('a system that drops acknowledged writes', () => {
  test('is seen by reading back', async () => {
    const broken = await startSystem()
    try {
      const mutation = allMutations.find(({ id }) => id === 'acknowledged-writes-dropped')
      for (const statement of mutation?.sql ?? []) await asOwner(broken.ownerUrl, statement)
      const own = exerciseOf(() => broken)
      const actors = await own.actors(6, 2)
      const acks = await work(own, actors, 15)
      assert.ok(((await fates(own, acks))['lost'] ?? 0) > 0)
      await own.settle?.(actors)
      assert.ok(((await fates(own, acks))['lost'] ?? 0) > 0, 'not even clients bring it back')
    } finally {
      await broken.stop()
    }
  })
})
