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
import { withClient } from '../src/postgres/connection.ts'
import { percentile } from '../src/prove/percentile.ts'
import { seededRandom } from '../src/random.ts'
import { arrive, type Call, crowd } from './sync/arrivals.ts'
import { fillEntities, strangers } from './sync/entity-fill.ts'
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

/** A device that has one request under way at a time, and knows what it pushed. */
interface Device extends TokenHolder {
  entities: { id: string; version: number }[]
  cursor: string | undefined
  busy: boolean
}

const random = seededRandom(options.seed)
const cursorOf = z.object({ cursor: z.string() })
let pushes = 0

function freeDevice(devices: readonly Device[]): Device {
  const start = random.int(devices.length)
  for (let step = 0; step < devices.length; step++) {
    const device = devices[(start + step) % devices.length]
    if (device && !device.busy) return device
  }
  throw new Error('every device waits for an answer: the server is hopelessly behind')
}

function pushOf(device: Device, count: number): Call {
  const start = random.int(device.entities.length - count + 1)
  const changed = device.entities.slice(start, start + count)
  for (const entity of changed) entity.version++
  return callOf(device, 'push', '/sync/push', pushBody(pushes++, changed))
}

function callOf(device: Device, kind: Call['kind'], path: string, body?: string): Call {
  device.busy = true
  return {
    kind,
    method: body === undefined ? 'GET' : 'POST',
    path,
    headers: {
      authorization: `Bearer ${device.token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body,
    done: (answer) => {
      device.busy = false
      if (kind === 'push' || path.includes('cursor=')) device.cursor = cursorOf.parse(JSON.parse(answer)).cursor
    },
  }
}

/** Seven in ten read all 50 entities of somebody, three in ten change them all. */
function mixed(devices: readonly Device[]): Call {
  const device = freeDevice(devices)
  if (random.next() < 0.3) return pushOf(device, entitiesOfUser)
  return callOf(device, 'pull', `/sync/pull?limit=${entitiesOfUser}&device_id=bench`)
}

/** Seven in ten ask for what came since, three in ten change one to five. */
function everyday(devices: readonly Device[]): Call {
  const device = freeDevice(devices)
  if (random.next() < 0.3 || device.cursor === undefined) return pushOf(device, 1 + random.int(5))
  return callOf(device, 'pull', `/sync/pull?device_id=bench&cursor=${device.cursor}`)
}

const servers = await startServers()
try {
  console.log(
    `Node ${process.version}, Postgres ${servers.postgres}; ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}; seed ${options.seed}, ` +
      'generator and server on one machine',
  )
  const devices: Device[] = []
  const p99: number[] = []
  let rowsBefore = 0
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
      devices.push({ ...user, entities, cursor: undefined, busy: false })
    }
    rowsBefore += more.length * entitiesOfUser
    const others = Math.floor((rows - rowsBefore) / entitiesOfUser)
    await fillEntities(servers.adminUrl, strangers(others), entitiesOfUser)
    rowsBefore += others * entitiesOfUser
    await arrive(servers.medtime, options.rate, 5, () => mixed(devices))
    const windows: number[] = []
    for (let window = 0; window < options.windows; window++) {
      const arrived = await arrive(servers.medtime, options.rate, options.seconds, () => mixed(devices))
      const of = (kind: Call['kind'], percent: number) =>
        percentile(
          arrived.filter((each) => each.kind === kind).map(({ ms }) => ms),
          percent,
        ).toFixed(1)
      const all = arrived.map(({ ms }) => ms)
      windows.push(percentile(all, 99))
      console.log(
        `${String(rowsBefore).padStart(8)} rows  ${options.rate}/s  n=${all.length}  P50 ${percentile(all, 50).toFixed(1)} ms  P99 ${percentile(all, 99).toFixed(1)} ms  ` +
          `(pull ${of('pull', 50)} and ${of('pull', 99)}, push ${of('push', 50)} and ${of('push', 99)})`,
      )
    }
    p99.push(percentile(windows, 50))
  }
  const counted = await withClient(servers.adminUrl, async (admin) => {
    const { rows } = await admin.query<{ count: string }>('SELECT count(*) FROM srv_encrypted_entities')
    return Number(rows[0]?.count)
  })
  const [least = Number.NaN, largest = Number.NaN] = [p99[0], p99.at(-1)]
  const rate = await crowd(servers.medtime, options.connections, options.seconds, () => everyday(devices))
  const verdicts = [
    [
      `P99 at ${options.rate}/s`,
      `${Math.max(...p99).toFixed(1)} ms`,
      `below ${targets.p99Ms}`,
      Math.max(...p99) < targets.p99Ms,
    ],
    [
      `P99 at ${counted} rows over ${options.rows[0]}`,
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
