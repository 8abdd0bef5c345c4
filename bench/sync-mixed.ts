/*
 * Traffic as it comes: MedTime's API with everything on, over one Postgres, generator on the same machine.
 *
 * - so many requests a second, seven in ten a pull of 50 entities of 1 KB and three in ten a push of 50 that change, at a thousand and at
 *   a million rows in turns of growth: the time from when a request is due to its answer;
 * - everyday traffic as fast as it goes: pushes of one to five changes and pulls of what came since.
 *
 *   node bench/sync-mixed.ts [--rate 200] [--seconds 20] [--windows 3] [--rows 1000,1000000] [--devices 1000] [--connections 16] [--seed 1]
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { percentile } from '../src/prove/percentile.ts'
import { seededRandom } from '../src/random.ts'
import { arrive } from './sync/arrivals.ts'
import { fillEntities, strangers } from './sync/entity-fill.ts'
import { type Call, load } from './sync/load.ts'
import { pushBody } from './sync/push-body.ts'
import { startServers } from './sync/servers.ts'
import { createUsers, type TokenHolder } from './sync/users.ts'

const entitiesOfUser = 50
const targets = { p99Ms: 50, growth: 1.5, everyday: 1_000 }

const options = z
  .object({
    rate: z.coerce.number().int().positive(),
    seconds: z.coerce.number().int().positive(),
    windows: z.coerce.number().int().positive(),
    rows: z.string().transform((text) => text.split(',').map(Number)),
    devices: z.coerce.number().int().positive(),
    connections: z.coerce.number().int().positive(),
    seed: z.coerce.number().int().positive(),
  })
  .parse(
    parseArgs({
      options: {
        rate: { type: 'string', default: '200' },
        seconds: { type: 'string', default: '20' },
        windows: { type: 'string', default: '3' },
        rows: { type: 'string', default: '1000,1000000' },
        devices: { type: 'string', default: '1000' },
        connections: { type: 'string', default: '16' },
        seed: { type: 'string', default: '1' },
      },
    }).values,
  )

type Kind = 'pull' | 'push'
type Asked = Call & { kind: Kind }

/** A device that has one push under way at a time, and knows what it pushed. */
interface Device extends TokenHolder {
  entities: { id: string; version: number }[]
  cursor: string | undefined
  pushing: boolean
}

const random = seededRandom(options.seed)
const cursorOf = z.object({ cursor: z.string() })
let pushes = 0

/** Changes so many entities of a device that waits for no other push: its versions would not follow each other. */
function pushOf(devices: readonly Device[], count: number): Asked {
  const device = random.pick(devices.filter(({ pushing }) => !pushing))
  const start = random.int(device.entities.length - count + 1)
  const changed = device.entities.slice(start, start + count)
  for (const entity of changed) entity.version++
  device.pushing = true
  return {
    kind: 'push',
    method: 'POST',
    path: '/sync/push',
    headers: { authorization: `Bearer ${device.token}`, 'content-type': 'application/json' },
    body: pushBody(pushes++, changed),
    done: (answer) => {
      device.pushing = false
      device.cursor = cursorOf.parse(JSON.parse(answer)).cursor
    },
  }
}

function pullOf(device: Device, query: string, done: (answer: string) => void): Asked {
  const headers = { authorization: `Bearer ${device.token}` }
  return { kind: 'pull', method: 'GET', path: `/sync/pull?device_id=bench&${query}`, headers, body: undefined, done }
}

/** Seven in ten read all 50 entities of somebody, three in ten change them all. */
function mixed(devices: readonly Device[]): Asked {
  if (random.next() < 0.3) return pushOf(devices, entitiesOfUser)
  return pullOf(random.pick(devices), `limit=${entitiesOfUser}`, () => undefined)
}

/** Seven in ten ask for what came since, three in ten change one to five. */
function everyday(devices: readonly Device[]): Asked {
  const device = random.pick(devices)
  const { cursor } = device
  if (random.next() < 0.3 || cursor === undefined) return pushOf(devices, 1 + random.int(5))
  return pullOf(device, `cursor=${cursor}`, (answer) => {
    device.cursor = cursorOf.parse(JSON.parse(answer)).cursor
  })
}

const servers = await startServers()
try {
  console.log(
    `Node ${process.version}, Postgres ${servers.postgres}; ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}; seed ${options.seed}, ` +
      'generator and server on one machine',
  )
  const devices: Device[] = []
  const p99: number[] = []
  let rowsHeld = 0
  for (const rows of options.rows) {
    const wanted = Math.min(options.devices, Math.floor(rows / entitiesOfUser))
    const more = await createUsers(servers.issuer, wanted - devices.length)
    const held = await fillEntities(
      servers.adminUrl,
      more.map(({ id }) => id),
      entitiesOfUser,
    )
    for (const user of more) {
      const entities = (held.get(user.id) ?? []).map((id) => ({ id, version: 1 }))
      devices.push({ ...user, entities, cursor: undefined, pushing: false })
    }
    rowsHeld += more.length * entitiesOfUser
    const others = Math.floor((rows - rowsHeld) / entitiesOfUser)
    await fillEntities(servers.adminUrl, strangers(others), entitiesOfUser)
    rowsHeld += others * entitiesOfUser
    // To warm it up: never more at once than there are devices, however slow the first answers are.
    await load({ address: servers.medtime, next: () => mixed(devices) }, 8, 5)
    const windows: number[] = []
    for (let window = 0; window < options.windows; window++) {
      const arrived = await arrive(servers.medtime, options.rate, options.seconds, () => mixed(devices))
      const of = (kind: Kind, percent: number) =>
        percentile(
          arrived.filter((each) => each.kind === kind).map(({ ms }) => ms),
          percent,
        ).toFixed(1)
      const all = arrived.map(({ ms }) => ms)
      windows.push(percentile(all, 99))
      console.log(
        `${String(rowsHeld).padStart(8)} rows  ${options.rate}/s  n=${all.length}  P50 ${percentile(all, 50).toFixed(1)} ms  P99 ${percentile(all, 99).toFixed(1)} ms  ` +
          `(pull ${of('pull', 50)} and ${of('pull', 99)}, push ${of('push', 50)} and ${of('push', 99)})`,
      )
    }
    p99.push(percentile(windows, 50))
  }
  const [least = Number.NaN, largest = Number.NaN] = [p99[0], p99.at(-1)]
  const target = { address: servers.medtime, next: () => everyday(devices) }
  const { latencies, seconds } = await load(target, options.connections, options.seconds)
  const rate = latencies.length / seconds
  const verdicts = [
    [
      `P99 at ${options.rate}/s`,
      `${Math.max(...p99).toFixed(1)} ms`,
      `below ${targets.p99Ms}`,
      Math.max(...p99) < targets.p99Ms,
    ],
    [
      `P99 at ${rowsHeld} rows over ${options.rows[0]}`,
      (largest / least).toFixed(2),
      `below ${targets.growth}`,
      largest / least < targets.growth,
    ],
    ['everyday requests a second', rate.toFixed(0), `at least ${targets.everyday}`, rate >= targets.everyday],
  ] as const
  for (const [what, measured, wanted, kept] of verdicts) {
    console.log(`${what.padEnd(36)} ${measured.padStart(9)}   ${wanted}   ${kept ? 'kept' : 'MISSED'}`)
  }
  process.exitCode = verdicts.every(([, , , kept]) => kept) ? 0 : 1
} finally {
  await servers.stop()
}
