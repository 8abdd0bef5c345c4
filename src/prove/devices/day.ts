import { type Random, seededRandom } from '../../random.ts'
import type { ProofSession } from '../prover.ts'
import type { Steps } from '../steps.ts'
import { type Day, hour, minute } from './home.ts'
import { createHousehold, type Household } from './household.ts'
import { protectedSystem } from './lossy-restore.ts'

/** How many devices live through how many simulated hours. */
export interface DaySize {
  devices: number
  hours: number
}

/** What a day came to. */
export interface DayOutcome {
  size: DaySize
  people: number
  edits: number
  requests: number
  faults: number
  reinstalled: number
  /** Acknowledged edits that the restored server did not hold, and those of them that no device was left to bring back. */
  lostByRestore: number
  excused: number
  violations: string[]
  /** What happened to the person of the first violation. */
  trail: string[]
}

/** Households that live at the same time. */
const together = 6
const mostDevices = 10
/** Any day; at noon the run is in its middle. */
const noon = Date.UTC(2026, 0, 15, 12)

/**
 * Lets devices live through a day on the real system: people write on them wherever they are, networks fail, and in the middle of the day
 * the server is lost and restored to an earlier moment. In the end every device is online and syncs until nothing changes.
 */
export async function liveThroughDay(session: ProofSession, size: DaySize, steps: Steps): Promise<DayOutcome> {
  const fleet = session.exercise.fleet?.()
  if (fleet === undefined) throw new Error('the exercise has no fleet')
  const random = seededRandom(session.seed).fork('devices')
  const site = await steps.do('system up, its WAL kept', () => protectedSystem(session))
  const day = dayOf(size.hours)
  const households = crowd(size.devices, random).map((devices, index) =>
    createHousehold({ person: `person-${session.seed}-${index}`, devices, fleet, day, random, carry: fetch }),
  )
  const liveUntil = (until: number) => each(households, (household) => household.run(until), session.signal)

  await steps.do('the morning, with a base backup meanwhile', async () => {
    await liveUntil(day.startsAt + (day.restoredTo - day.startsAt) / 2)
    await Promise.all([site.backup(), liveUntil(day.restoredTo)])
  })
  const moment = await site.moment()
  await steps.do('the time that will be lost', () => liveUntil(day.lostAt))
  await steps.do('server killed, its data removed', async () => {
    await site.lose(moment)
    for (const household of households) await household.serverLost()
  })
  await steps.do('without a server', () => liveUntil(day.servesAgainAt))
  await steps.do('restored to the earlier moment', () => site.bringBack(moment))
  const lostByRestore = await steps.do(
    'acknowledged edits that the server has lost',
    async () => {
      let lost = 0
      await each(
        households,
        async (household) => {
          lost += await lostEdits(household)
        },
        session.signal,
      )
      return lost
    },
    (lost) => `${lost}`,
  )
  await steps.do('the rest of the day', () => liveUntil(day.endsAt))
  await steps.do('all devices online, until nothing changes', () =>
    each(households, (household) => household.settle(), session.signal),
  )
  await steps.do('compared with each other, with a new device, and with what people did', () =>
    each(households, (household) => household.judge(), session.signal),
  )
  const sum = (count: (household: Household) => number) => households.reduce((total, one) => total + count(one), 0)
  const first = households.find(({ violations }) => violations.length > 0)
  return {
    size,
    people: households.length,
    edits: sum(({ history }) => history.edits().length),
    requests: sum(({ counts }) => counts.requests),
    faults: sum(({ counts }) => counts.faults),
    reinstalled: sum(({ counts }) => counts.reinstalled),
    lostByRestore,
    excused: sum(({ history }) => history.edits().filter(({ excused }) => excused).length),
    violations: households.flatMap(({ violations }) => violations),
    trail: first === undefined ? [] : trailOf(first),
  }
}

function dayOf(hours: number): Day {
  const half = (hours * hour) / 2
  const restoredTo = noon
  const lostAt = restoredTo + Math.max(20 * minute, half / 8)
  return {
    startsAt: noon - half,
    endsAt: noon + half,
    restoredTo,
    lostAt,
    servesAgainAt: lostAt + Math.max(10 * minute, half / 20),
  }
}

/** How many devices each person has: three on the average. */
function crowd(devices: number, random: Random): number[] {
  const own = random.fork('crowd')
  const sizes: number[] = []
  for (let left = devices; left > 0; ) {
    const many = own.next() < 0.2 ? 4 + own.int(mostDevices - 3) : 1 + own.int(4)
    sizes.push(Math.min(left, many))
    left -= many
  }
  return sizes
}

/** What was acknowledged, and a device that knows nothing does not find. */
async function lostEdits(household: Household): Promise<number> {
  const { history } = household
  const inDoubt = household.inDoubt()
  if (inDoubt.length === 0) return 0
  const { entries: there } = await household.newDevice()
  return inDoubt.filter((edit) => !history.reaches(edit, history.shown(edit.entry, there.get(edit.entry)))).length
}

function trailOf({ violations, trail }: Household): string[] {
  const entry = violations.map((what) => /entry ([0-9a-f-]{36})/.exec(what)?.[1]).find((found) => found !== undefined)
  return trail.lines(entry)
}

/** A few at once. Each has its own order of events; what they share is the server. */
async function each(
  households: readonly Household[],
  work: (household: Household) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const left = [...households]
  await Promise.all(
    Array.from({ length: together }, async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        signal.throwIfAborted()
        await work(next)
      }
    }),
  )
}
