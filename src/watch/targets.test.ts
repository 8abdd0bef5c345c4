import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { z } from 'zod'
import { systemClock } from '../clock.ts'
import { parsePlan } from '../plan/plan.ts'
import { memorySeries } from './promql/memory-series.ts'
import { startScraping } from './scrape/scraping.ts'
import { systemTargets } from './targets.ts'

test('a database that takes calls and answers none holds up nothing else, and is the one that is named', async (t) => {
  const calls = new Set<Socket>()
  const hung = createServer((call) => calls.add(call.on('error', () => undefined)))
  hung.listen(0, '127.0.0.1')
  await once(hung, 'listening')
  t.after(() => {
    hung.close()
    for (const call of calls) call.destroy()
  })
  const { port } = z.object({ port: z.int() }).parse(hung.address())
  const url = `postgresql://somebody@127.0.0.1:${port}/hung`
  const migrations = { layout: 'supabase', directory: 'migrations' }
  const parsed = parsePlan({ system: 'tiny', database: { version: '>=15', size: '1GB', migrations } })
  assert.ok('plan' in parsed, JSON.stringify(parsed))
  const databaseUrls = () => ({ admin: url, owner: url })
  const whereabouts = { serviceUrl: () => undefined, databaseUrls, dataPath: '/', systemPath: '/' }
  const clock = systemClock
  const targets = systemTargets({
    plan: parsed.plan,
    whereabouts,
    source: memorySeries([]),
    everyMs: 100,
    clock,
    recoveryFacts: async () => ({
      backups: [],
      failures: new Map(),
      restorableUntilMs: undefined,
      oldestUnstoredMs: undefined,
      evidence: [],
    }),
    silentMs: () => undefined,
    onProbe: () => undefined,
    signal: t.signal,
  })
  const troubled = new Set<string>()
  const rounds = new Map<string, number[]>()
  const both = Promise.withResolvers<void>()
  const ending = new AbortController()
  const { done } = startScraping({
    targets,
    telemetry: parsed.plan.telemetry,
    clock,
    signal: ending.signal,
    sink: {
      append: (samples) => {
        for (const { labels, value } of samples) {
          const { __name__: name = '', job = '' } = labels
          if (name === 'up') rounds.set(job, [...(rounds.get(job) ?? []), value])
        }
        if ((rounds.get('host')?.length ?? 0) >= 3 && (rounds.get('postgres')?.length ?? 0) >= 2) both.resolve()
      },
      end: () => undefined,
    },
    onTrouble: ({ job }, error) => troubled.add(`${job}: ${error instanceof Error ? error.message : ''}`),
  })
  await both.promise
  ending.abort()
  await done
  const told = [...troubled].toSorted()
  assert.deepEqual(told, ['postgres-processor: no answer within 100ms', 'postgres: no answer within 100ms'])
  assert.deepEqual(new Set(rounds.get('host')), new Set([1]))
})
