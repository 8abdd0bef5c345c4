import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Client } from 'pg'
import { withClient } from '../../../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../../../src/postgres/database.ts'
import { migrate, startTestServer, type TestServer } from '../../../test/database.ts'
import { type Database, openDatabase } from '../database.ts'
import type { LogEntry } from '../http/log.ts'
import { serviceTelemetry } from '../http/service-telemetry.ts'
import { allJobs } from './all.ts'
import type { Job } from './job.ts'
import { keepRunning } from './keep-running.ts'
import { isDue, runJob } from './run-job.ts'

let server: TestServer
let prepared: PreparedDatabase
let instances: [Database, Database]
before(async () => {
  server = await startTestServer()
  prepared = await server.createDatabase('jobs')
  await migrate(prepared.ownerUrl)
  const open = () =>
    openDatabase({
      url: prepared.roleUrl('medtime_api'),
      poolSize: 6,
      onStatement: () => undefined,
      onLostConnection: () => undefined,
    })
  instances = [open(), open()]
})
after(async () => {
  await Promise.all(instances.map((database) => database.close()))
  await server.stop()
})

const { tracer } = serviceTelemetry('api', {})
const asAdmin = <T>(work: (client: Client) => Promise<T>) => withClient(prepared.adminUrl, work)
const at = (text: string) => new Date(text)
const clock = (text: string) => () => at(text).getTime()
let names = 0
const jobOf = (work: Job['work'], schedule = '0 3 * * *'): Job => ({
  name: `test-${String.fromCharCode(97 + names++)}`,
  schedule,
  work,
})
const doneAt = (name: string, time: string) =>
  asAdmin((client) =>
    client.query('INSERT INTO srv_jobs VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET done_at = $2', [name, time]),
  )

test('a job is due once its time has come since it was last done, in UTC and across leaps of daylight time', () => {
  const daily = { schedule: '0 3 * * *' }
  for (const [done, now, due] of [
    ['2026-03-29T03:00:00Z', '2026-03-30T02:59:59Z', false],
    ['2026-03-29T03:00:00Z', '2026-03-30T03:00:00Z', true],
    ['2026-03-29T02:59:59Z', '2026-03-29T03:00:00Z', true],
    ['2026-03-20T03:00:00Z', '2026-03-29T12:00:00Z', true],
    ['2026-03-29T03:00:01Z', '2026-03-29T23:59:00Z', false],
  ] as const)
    assert.equal(isDue(daily, at(done), at(now)), due, `${done} ${now}`)
})

test('of many instances that find it due at once, one does it, once', async () => {
  let done = 0
  let atOnce = 0
  const job = jobOf(async ({ run }) => {
    assert.equal(++atOnce, 1)
    await run('pause', 'SELECT pg_sleep(0.05)', [])
    atOnce--
    return ++done
  })
  await doneAt(job.name, '2026-01-01T03:00:00Z')
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      runJob(job, instances[index % 2 === 0 ? 0 : 1], clock('2026-01-02T03:00:10Z')),
    ),
  )
  assert.equal(outcomes.filter(({ outcome }) => outcome === 'done').length, 1)
  assert.equal(done, 1)
  assert.equal((await runJob(job, instances[1], clock('2026-01-02T23:00:00Z'))).outcome, 'not-due')
})

test('days that were missed are made up for once, and a new job waits for its first time', async () => {
  let done = 0
  const job = jobOf(async () => ++done)
  assert.equal((await runJob(job, instances[0], clock('2026-01-01T10:00:00Z'))).outcome, 'not-due')
  assert.equal((await runJob(job, instances[0], clock('2026-01-06T10:00:00Z'))).outcome, 'done')
  assert.equal((await runJob(job, instances[1], clock('2026-01-06T10:01:00Z'))).outcome, 'not-due')
  assert.equal(done, 1)
})

test('a job that fails stays due, undoes what it began, and holds up no other', async () => {
  let fails = true
  const failing = jobOf(async ({ run, now }) => {
    await run('mark', 'INSERT INTO public.srv_jobs VALUES ($1, $2)', ['marked', now])
    if (fails) throw new Error('disk full')
    return 1
  })
  let others = 0
  const other = jobOf(async () => ++others)
  for (const { name } of [failing, other]) await doneAt(name, '2026-01-01T03:00:00Z')
  const said: LogEntry[] = []
  const log = { info: (entry: LogEntry) => said.push(entry), error: (entry: LogEntry) => said.push(entry) }
  const jobs = keepRunning({
    jobs: [failing, other],
    database: instances[0],
    log,
    tracer,
    now: clock('2026-01-02T04:00:00Z'),
  })
  await jobs.turn()
  assert.deepEqual(
    said.map(({ event, job }) => [event, job]),
    [
      ['job_failed', failing.name],
      ['job_done', other.name],
    ],
  )
  fails = false
  await jobs.turn()
  await jobs.stop()
  assert.deepEqual([said.at(-1)?.event, said.at(-1)?.job, others], ['job_done', failing.name, 1])
})

test('when the instance that does it dies, another takes over', async () => {
  let hang = true
  let begun: (() => void) | undefined
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve
  })
  const job = jobOf(async ({ run }) => {
    if (!hang) return 1
    begun?.()
    await run('hang', 'SELECT pg_sleep(8)', [])
    return 0
  })
  await doneAt(job.name, '2026-01-01T03:00:00Z')
  const dying = runJob(job, instances[0], clock('2026-01-02T03:00:00Z'))
  const died = assert.rejects(dying)
  await hasBegun
  hang = false
  assert.equal((await runJob(job, instances[1], clock('2026-01-02T03:00:00Z'))).outcome, 'elsewhere')
  await asAdmin((client) =>
    client.query(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted`),
  )
  await died
  assert.equal((await runJob(job, instances[1], clock('2026-01-02T03:01:00Z'))).outcome, 'done')
})

test('what is over goes at its time, of everybody, and nothing else', async () => {
  const user = randomUUID()
  await asAdmin(async (client) => {
    await client.query('INSERT INTO srv_users (user_id) VALUES ($1)', [user])
    for (const age of ['29 days', '31 days', '400 days']) {
      await client.query(
        `INSERT INTO srv_ocr_requests (user_id, status, created_at) VALUES ($1, 'done', now() - $2::interval)`,
        [user, age],
      )
    }
    for (const [age, session] of [
      ['-1 day', randomUUID()],
      ['3 days', randomUUID()],
    ] as const) {
      await client.query(
        `INSERT INTO srv_sessions (user_id, session_id, device_id, created_at, refreshed_at, expires_at, absolute_until, epoch)
         VALUES ($1, $2, 'phone', now(), now(), now(), now() - $3::interval, 1)`,
        [user, session, age],
      )
      await client.query(
        `INSERT INTO srv_refresh_tokens (user_id, token_hash, session_id, issued_at) VALUES ($1, sha256($3::text::bytea), $2, now())`,
        [user, session, age],
      )
      await client.query(
        `INSERT INTO srv_family_invites (user_id, invite_id, secret_hash, commitment, entity_types, expires_at)
         VALUES ($1, $2, sha256('a'), sha256('b'), '{dose}', now() - $3::interval)`,
        [user, session, age],
      )
    }
    await client.query(
      `INSERT INTO srv_app_crashes (id, received_at, kind, class, frames, platform, version, user_hash)
       SELECT gen_random_uuid(), now() - n * interval '1 day', 'crash', 'Error', '{}', 'ios', '1.0.0', repeat('0', 32)
       FROM unnest(ARRAY[89, 91, 400]) AS n`,
    )
    await client.query(
      `INSERT INTO srv_rate_windows (bucket, slice, counts, used, granted, allowed, empty_at)
       SELECT 'b' || n, 1, array_fill(0, ARRAY[61]), 0, 0, 1, now() + n * interval '1 hour' FROM unnest(ARRAY[-1, 1]) AS n`,
    )
  })
  for (const { name } of allJobs) await doneAt(name, new Date(Date.now() - 2 * 86_400_000).toISOString())
  const said: LogEntry[] = []
  const log = { info: (entry: LogEntry) => said.push(entry), error: (entry: LogEntry) => said.push(entry) }
  const jobs = keepRunning({ jobs: allJobs, database: instances[0], log, tracer, now: () => Date.now() })
  await jobs.turn()
  await jobs.stop()
  assert.deepEqual(Object.fromEntries(said.map(({ event, job, count }) => [job, `${event} ${count}`])), {
    'ocr-requests': 'job_done 2',
    'app-crashes': 'job_done 2',
    tombstones: 'job_done 0',
    rotations: 'job_done 0',
    sessions: 'job_done 1',
    invites: 'job_done 1',
    'rate-windows': 'job_done 1',
    'audit-log': 'job_done 0',
  })
  const left = await asAdmin(async (client) => {
    const { rows } = await client.query(
      `SELECT (SELECT count(*)::int FROM srv_ocr_requests) AS ocr, (SELECT count(*)::int FROM srv_sessions) AS sessions,
         (SELECT count(*)::int FROM srv_refresh_tokens) AS tokens, (SELECT count(*)::int FROM srv_family_invites) AS invites,
         (SELECT count(*)::int FROM srv_rate_windows) AS windows, (SELECT count(*)::int FROM srv_app_crashes) AS crashes`,
    )
    return rows[0]
  })
  assert.deepEqual(left, { ocr: 1, sessions: 1, tokens: 1, invites: 1, windows: 1, crashes: 1 })
})

test('nothing is removed from a log of accounts that was changed', async () => {
  await asAdmin((client) => client.query(`UPDATE srv_audit_head SET hash = sha256('x')`))
  await doneAt('audit-log', '2026-01-01T00:00:00Z')
  const audit = allJobs.find(({ name }) => name === 'audit-log')
  assert.ok(audit)
  await assert.rejects(
    runJob(audit, instances[0], () => Date.now()),
    { code: 'AUDIT_BROKEN' },
  )
})

test('a caller whose clock runs ahead removes nothing before its time', async () => {
  const user = randomUUID()
  await asAdmin(async (client) => {
    await client.query('INSERT INTO srv_users (user_id) VALUES ($1)', [user])
    await client.query(`INSERT INTO srv_ocr_requests (user_id, status) VALUES ($1, 'done')`, [user])
    await client.query(
      `INSERT INTO srv_sessions (user_id, session_id, device_id, created_at, refreshed_at, expires_at, absolute_until, epoch)
       VALUES ($1, $1, 'phone', now(), now(), now(), now(), 1)`,
      [user],
    )
    await client.query(
      `INSERT INTO srv_app_crashes (id, received_at, kind, class, frames, platform, version, user_hash)
       VALUES ($1, now(), 'crash', 'Error', '{}', 'ios', '1.0.0', repeat('0', 32))`,
      [user],
    )
  })
  for (const name of ['srv_clean_ocr_requests', 'srv_clean_sessions', 'srv_clean_invites', 'srv_clean_app_crashes']) {
    const rows = await instances[0].run<{ removed: string }>(name, `SELECT public.${name}($1) AS removed`, [
      at('2099-01-01T00:00:00Z'),
    ])
    assert.equal(Number(rows[0]?.removed), 0, name)
  }
})
