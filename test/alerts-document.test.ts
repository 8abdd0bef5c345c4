import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parsePlan } from '../src/plan/plan.ts'
import { spendAlerts } from '../src/plan/spend-alerts.ts'
import { runToEnd } from '../src/process.ts'
import { startReceiver } from '../src/watch/scrape/heartbeats/receiver.ts'
import { openSilences } from '../src/watch/scrape/heartbeats/silences.ts'
import { spendFigures } from '../src/watch/scrape/spend/figures.ts'
import { readSamples } from '../src/watch/scrape/spend/samples.ts'

const text = await readFile(resolve(import.meta.dirname, '../docs/alerts.md'), 'utf8')

/** The first block of a language under a heading. */
function block(heading: string, language: string): string {
  const [, section = ''] = text.split(`\n## ${heading}\n`)
  const [, code] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(section.split('\n## ')[0] ?? '') ?? []
  assert.ok(code, `${heading} shows ${language}`)
  return code
}

function planOf(heading: string) {
  const parsed = parsePlan({ system: 'shop', ...new Function(`return {${block(heading, 'ts')}}`)() })
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems))
  return parsed.plan
}

test('what docs/alerts.md shows of actions, jobs and budgets is plan language, with the alerts it names', () => {
  assert.equal(planOf('What is done by itself').incidents.actions.rollback?.within, 120_000)
  assert.deepEqual(Object.keys(planOf('Jobs that tell by themselves').probes), ['nightly'])
  const alerts = Object.keys(spendAlerts(planOf('What is spent')))
  for (const alert of alerts) assert.ok(text.includes(`\`${alert}\``), alert)
  assert.equal(alerts.length, 4)
})

test('the bill it shows is read, with credits taken off', () => {
  const samples = readSamples(block('What is spent', 'json'), 'USD')
  const at = { nowMs: Date.parse('2026-02-03T12:00:00Z'), timeZone: 'UTC', freshForMs: 259_200_000 }
  assert.equal(spendFigures(samples, at).month, 4.85)
})

test('the line it shows for the end of a job is heard', async (t) => {
  const { code } = await runToEnd({ program: 'sh', args: ['-c', 'command -v curl'] })
  if (code !== 0) return t.skip('curl is needed')
  const root = await mkdtemp(join(tmpdir(), 'aval-document-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  const watch = join(root, '.aval', 'shop', 'watch')
  await mkdir(watch, { recursive: true })
  let nowMs = 0
  const silences = openSilences(watch, ['nightly'], { now: () => nowMs, sleep: async () => undefined })
  t.after(() => silences.close())
  const receiver = await startReceiver(silences, undefined)
  t.after(() => receiver.stop())
  await writeFile(join(watch, 'heartbeats.url'), receiver.url)
  nowMs = 86_400_000
  const line = block('Jobs that tell by themselves', 'sh')
  const { stdout, stderr } = await runToEnd({ program: 'sh', args: ['-c', line], cwd: root })
  assert.deepEqual([stdout, stderr, silences.silentMs('nightly')], ['heard\n', '', 0])
  return undefined
})
