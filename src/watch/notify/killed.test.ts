import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Child, startChild } from '../../process.ts'
import { seededRandom } from '../../random.ts'
import { startPagerDuty } from '../../receivers/pagerduty.ts'
import { startWebhook } from '../../receivers/webhook.ts'
import { alertOf, movedClock, noticeOn, planWith } from './pager.fixture.ts'
import { openPager } from './pager.ts'

const channels = {
  pagerduty: { kind: 'pagerduty' as const, reaches: 'whoever is on call' },
  hook: { kind: 'webhook' as const, reaches: 'a desk' },
}

/** A process that accepts notices and says so, line by line, then works until it is killed. */
const script = (directory: string, variables: Record<string, string>, body: string) => `
  import { openPager } from ${JSON.stringify(join(import.meta.dirname, 'pager.ts'))}
  import { alertOf, movedClock, noticeOn, planWith } from ${JSON.stringify(join(import.meta.dirname, 'pager.fixture.ts'))}
  import { seededRandom } from ${JSON.stringify(join(import.meta.dirname, '../../random.ts'))}
  import { writeSync } from 'node:fs'
  const plan = planWith(${JSON.stringify(channels)})
  const pager = openPager({ directory: ${JSON.stringify(directory)}, plan, clock: movedClock(), random: seededRandom(1), variables: ${JSON.stringify(variables)} })
  const say = (text) => writeSync(1, text + '\\n')
  ${body}`

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'aval-killed-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Resolves with everything a child has said once a line matches, and fails when it ends before. */
function said(child: Child, line: (lines: string[]) => boolean): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let text = ''
    const lines = () => text.split('\n').slice(0, -1)
    child.process.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      if (line(lines())) resolve(lines())
    })
    let complaint = ''
    child.process.stderr?.on('data', (chunk: Buffer) => {
      complaint += chunk.toString('utf8')
    })
    void child.ended.then(({ code }) => reject(new Error(`the child ended with ${code}: ${complaint}`)))
  })
}

test('killed while it accepts: every notice that was acknowledged is delivered after the next start', async (t) => {
  const directory = folder(t)
  const clock = movedClock()
  const webhook = await startWebhook(clock.now)
  t.after(webhook.stop)
  const body = `for (let n = 0; ; n++) { pager.accept(noticeOn('hook', [alertOf({ id: 'alert ' + n })], 'group ' + n)); say(String(n)) }`
  const child = await startChild({
    program: process.execPath,
    args: ['--input-type=module-typescript', '-e', script(directory, {}, body)],
  })
  const acknowledged = await said(child, (lines) => lines.length >= 20)
  await child.stop({ signal: 'SIGKILL' })

  const plan = planWith({ ...channels, hook: { ...channels.hook, limit: { messages: 100_000, per: '1s' } } })
  const variables = { HOOK_URL: webhook.url, HOOK_SECRET: webhook.secret }
  const pager = openPager({ directory, plan, clock, random: seededRandom(1), variables })
  t.after(() => pager.close())
  await pager.work()
  assert.deepEqual(pager.waiting(), [])
  assert.ok(webhook.messages.size >= acknowledged.length, `${webhook.messages.size} of ${acknowledged.length}`)
  assert.equal(webhook.requests, webhook.messages.size)
})

for (const [when, taken] of [
  ['before the provider has taken it', false],
  ['after the provider has taken it and before it was noted', true],
] as const)
  test(`killed ${when}: the person is told, and once`, async (t) => {
    const directory = folder(t)
    const clock = movedClock()
    const pagerDuty = await startPagerDuty()
    t.after(pagerDuty.stop)
    const variables = { PAGERDUTY_URL: pagerDuty.url, PAGERDUTY_ROUTING_KEY: pagerDuty.routingKey() }
    const arrived = pagerDuty.holdNext(taken)
    const body = `pager.accept(noticeOn('pagerduty')); say('accepted'); await pager.work(); say('worked')`
    const child = await startChild({
      program: process.execPath,
      args: ['--input-type=module-typescript', '-e', script(directory, variables, body)],
    })
    await Promise.all([said(child, (lines) => lines.includes('accepted')), arrived])
    await child.stop({ signal: 'SIGKILL' })
    assert.equal(pagerDuty.incidents.length, taken ? 1 : 0)

    const pager = openPager({ directory, plan: planWith(channels), clock, random: seededRandom(1), variables })
    t.after(() => pager.close())
    const [waits] = pager.waiting()
    assert.deepEqual([waits?.attempts, waits?.unsure], [1, true])
    pager.accept(noticeOn('pagerduty', [alertOf({ value: 1 })]))
    clock.move(20_000)
    assert.equal((await pager.work()).delivered, 1)
    assert.equal(pagerDuty.incidents.length, 1)
    assert.equal(pagerDuty.incidents[0]?.triggers, taken ? 2 : 1, 'the second joins the first by its key')
  })
