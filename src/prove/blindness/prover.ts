import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import { seededRandom } from '../../random.ts'
import type { Finding, Judged, ProofSession, Prover } from '../prover.ts'
import {
  linesOfServices,
  unlistedFields,
  unlistedLines,
  unlistedMetrics,
  unlistedReports,
  unlistedSpans,
} from './allow-list.ts'
import { createFinder, type Hit } from './finder.ts'
import { activityDuring, filePlaces, metricsOf, type Place, type PlaceKind, tablePlaces, textPlace } from './places.ts'
import { type Planted, sow } from './planted.ts'

/**
 * Plants values that stand for what must never appear by every way data enters the system, then looks for them wherever something could have come to
 * lie, in every spelling. That nothing was found says something only of places that were searched: the evidence lists them.
 */
export const blindnessProver: Prover = {
  kind: 'blindness',
  accepts: ({ subject, path }) => subject === 'forbidden' || path.at(-1) === 'metrics',
  async *prove(guarantees, session) {
    const startedAt = session.clock.now()
    const kinds = guarantees.filter(({ subject }) => subject === 'forbidden').map(kindOf)
    const found = await search(kinds.length === 0 ? ['anything'] : kinds, session).catch((error: unknown) => {
      session.signal.throwIfAborted()
      return { failed: messageOf(error) }
    })
    for (const guarantee of guarantees) yield judge(guarantee, found, session, startedAt)
  },
  mutants: [],
}

interface Search {
  planted: readonly Planted[]
  paths: number
  /** Paths that could not be walked, with what became of them. */
  unwalked: readonly string[]
  places: readonly string[]
  hits: readonly (Hit & { place: string; kind: PlaceKind })[]
  /** Paths whose value the system keeps as it came, with the reason. */
  keptAsSent: ReadonlyMap<string, string>
  unlisted: readonly string[]
  lines: number
  series: number
}

const plantersAtOnce = 8

/** @param kinds names of what is forbidden, of which every path carries each or one in turn */
async function search(kinds: readonly string[], session: ProofSession): Promise<Search> {
  const { clock, exercise, scratch, seed, signal, system } = session
  const { plan } = system
  const steps = session.steps('blindness')
  const lines: string[] = []
  const deaf = scratch.hear((line) => lines.push(line))
  try {
    const environment = await scratch.environment()
    const paths = exercise.paths()
    const random = seededRandom(seed).fork('blindness')
    const sowing = sow(paths, kinds, random, session.effort.name === 'full')
    const byId = new Map(paths.map((path) => [path.id, path]))
    const url = environment.server.url({ database: environment.database.name })
    const failed = new Set<string>()
    const waiting = sowing.planted.values()
    const plant = async () => {
      for (const { path, text } of waiting) {
        signal.throwIfAborted()
        await byId
          .get(path)
          ?.plant(text)
          .catch(() => failed.add(path))
      }
    }
    const statements = await steps.do(
      `values planted by ${paths.length} paths`,
      () => activityDuring(url, clock, () => Promise.all(Array.from({ length: plantersAtOnce }, plant))),
      () =>
        `${sowing.planted.length} values${failed.size === 0 ? '' : `; could not be sent: ${[...failed].join(', ')}`}`,
    )
    const measured = await metricsOf(plan, environment)
    const rows = await tablePlaces(url)
    const finder = createFinder(sowing)
    const hits: (Hit & { place: string; kind: PlaceKind })[] = []
    const searched: string[] = []
    const look = async (places: readonly Place[]) => {
      for (const place of places) {
        signal.throwIfAborted()
        for await (const bytes of place.bytes())
          for (const hit of await finder.find(bytes)) hits.push({ ...hit, place: place.name, kind: place.kind })
        searched.push(place.name)
      }
    }
    await steps.do('metrics, tables and statements searched', async () => {
      await look(measured.map(({ service, text }) => textPlace('telemetry', `metrics of ${service}`, text)))
      await look([textPlace('telemetry', 'statements in pg_stat_activity', statements.join('\n'))])
      await look(rows)
    })
    // A service may still hold its last lines; once it has ended, it has written them.
    await environment.stopServices()
    await environment.startServices()
    await steps.do(
      'logs and files searched',
      async () => {
        await look([textPlace('telemetry', 'logs of services, server and Aval', lines.join('\n'))])
        for (const [name, bodies] of Object.entries({
          spans: scratch.telemetry.spans(),
          lines: scratch.telemetry.lines(),
          'error reports': scratch.telemetry.reports(),
        }))
          if (bodies !== undefined)
            await look([textPlace('telemetry', `${bodies.length} deliveries of ${name}`, bodies.join('\n'))])
        await look(await filePlaces(scratch.directory, 'files'))
      },
      () => `${searched.length} places`,
    )
    const own = linesOfServices(lines, Object.keys(environment.addresses()))
    return {
      planted: sowing.planted,
      paths: paths.length,
      unwalked: [...failed],
      places: searched,
      hits,
      keptAsSent: new Map(paths.flatMap(({ id, keptAsSent }) => (keptAsSent === undefined ? [] : [[id, keptAsSent]]))),
      unlisted: [
        ...measured.flatMap(({ service, text }) => unlistedMetrics(plan, service, text)),
        ...unlistedFields(plan, own),
        ...unlistedSpans(plan, scratch.telemetry.spans() ?? []),
        ...unlistedLines(plan, scratch.telemetry.lines() ?? []),
        ...unlistedReports(plan, scratch.telemetry.reports() ?? []),
      ],
      lines: own.length,
      series: measured.reduce(
        (sum, { text }) => sum + text.split('\n').filter((line) => /^[a-z]/i.test(line)).length,
        0,
      ),
    }
  } finally {
    deaf()
  }
}

function kindOf(guarantee: Guarantee): string {
  return String(guarantee.path.at(-1))
}

function judge(
  guarantee: Guarantee,
  found: Search | { failed: string },
  session: ProofSession,
  startedAt: number,
): Finding {
  const common = {
    guarantee,
    steps: session.steps('blindness').done(),
    startedAt,
    tookMs: session.clock.now() - startedAt,
  }
  if ('failed' in found) {
    return {
      ...common,
      outcome: 'inconclusive',
      reason: `The search could not be carried out: ${found.failed}`,
      remedy: 'Start the system with `aval up` and see that every service answers its metrics',
    }
  }
  return { ...common, ...(guarantee.subject === 'forbidden' ? judgeKind(guarantee, found) : judgeList(found)) }
}

const remedy = 'Take the field, label or text out at its source; what the plan does not name must not leave a process'

function judgeList({ unlisted, lines, series }: Search): Judged {
  return {
    outcome: 'measured',
    measured: unlisted.length,
    sample: { size: lines + series, of: 'lines of logs and samples of metrics' },
    scale: null,
    reason:
      unlisted.length === 0
        ? `All of ${series} samples and ${lines} lines hold what the plan lists`
        : unlisted.slice(0, 5).join('; '),
    remedy,
  }
}

function judgeKind(
  guarantee: Guarantee,
  search: Search,
): Judged | Pick<Extract<Finding, { outcome: 'inconclusive' }>, 'outcome' | 'reason' | 'remedy'> {
  const name = kindOf(guarantee)
  const own = search.planted.filter(({ of }) => of === name)
  // A sign without the rest of its mark belongs to nobody in particular, and so to everybody.
  const hits = search.hits.filter(
    ({ planted, kind }) =>
      (planted === undefined || planted.of === name) &&
      (kind === 'telemetry' || planted === undefined || !search.keptAsSent.has(planted.path)),
  )
  if (hits.length === 0 && search.unwalked.length > 0) {
    return {
      outcome: 'inconclusive',
      reason: `Not every path could be walked: ${search.unwalked.join(', ')}`,
      remedy: 'Mend the paths of the exercise, or start what they need',
    }
  }
  const told = hits.map(
    ({ planted, how, place }) => `what went in by ${planted?.path ?? 'some path'} lies ${how} in ${place}`,
  )
  return {
    outcome: 'measured',
    measured: hits.length,
    sample: {
      size: own.length,
      of: `values planted by ${search.paths} paths, searched in ${search.places.length} places`,
    },
    scale: null,
    reason:
      hits.length === 0
        ? `None of ${own.length} values was found in ${search.places.length} places`
        : told.slice(0, 5).join('; '),
    remedy,
  }
}
