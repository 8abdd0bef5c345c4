import { randomUUID } from 'node:crypto'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { createMasterKey } from '../systems/medtime/client/keys.ts'
import { createSyncClient } from '../systems/medtime/client/sync-client.ts'
import { startSystem } from '../systems/medtime/test/system.ts'

/*
 * The first sync of a new device: everything a user has, pulled from the real API over HTTP, checked and opened, and every claim of the
 * device that wrote it compared. Run: node bench/first-sync.ts [--entities 50000] [--rounds 3]
 */

const target = 5_000
const { values } = parseArgs({
  options: { entities: { type: 'string', default: '50000' }, rounds: { type: 'string', default: '3' } },
})
const entities = Number(values.entities)
const rounds = Number(values.rounds)

const system = await startSystem()
try {
  const user = randomUUID()
  const token = await system.token(user, { tier: 'perfect', expiresIn: 3_600 })
  const masterKeys = [createMasterKey()] as const
  const device = (name: string) =>
    createSyncClient({
      address: system.api,
      token: async () => token,
      user,
      device: name,
      masterKeys,
      marks: { everyMs: 0 },
    })
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${entities} entities`)
  const writer = device('writer')
  const content = new TextEncoder().encode(
    JSON.stringify({ medicine: 'losartan', strength: '50 mg', note: 'x'.repeat(60) }),
  )
  let started = performance.now()
  for (let made = 0; made < entities; ) {
    for (let lot = 0; lot < 1_000 && made < entities; lot++, made++) await writer.put('dose', randomUUID(), content)
    await writer.sync()
  }
  say('sealed and pushed', entities, started)

  const rates: number[] = []
  for (let round = 0; round < rounds; round++) {
    const fresh = device(`reader-${round}`)
    const busy = process.cpuUsage()
    started = performance.now()
    const { pulled, tampering, warnings } = await fresh.sync()
    const { user: cpu } = process.cpuUsage(busy)
    if (pulled.length !== entities || tampering.length + warnings.length > 0) throw new Error('not a true first sync')
    rates.push(say('first sync', pulled.length, started))
    console.log(`  of which ${(cpu / 1e6).toFixed(1)} s of a core by the device itself`)
  }
  const worst = Math.min(...rates)
  console.log(`worst ${Math.round(worst)} entities/s, wanted ${target}`)
  process.exitCode = worst > target ? 0 : 1
} finally {
  await system.stop()
}

function say(what: string, count: number, since: number): number {
  const seconds = (performance.now() - since) / 1_000
  const rate = count / seconds
  console.log(
    `${what.padEnd(28)} ${String(count).padStart(6)} in ${seconds.toFixed(1)} s  ${Math.round(rate)} entities/s`,
  )
  return rate
}
