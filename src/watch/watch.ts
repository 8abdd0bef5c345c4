import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Plan } from '../plan/plan.ts'
import type { Random } from '../random.ts'
import { actingWith } from './acting.ts'
import { type Actions, type ActionsOptions, openActions } from './actions/actions.ts'
import type { ActionRun } from './actions/runs.ts'
import { type AlertStore, openAlertStore } from './alerts/alert-store.ts'
import type { Notice } from './alerts/notice.ts'
import { type AlertState, alertRound, alertSetup, type RoundInput } from './alerts/round.ts'
import { followUntold } from './alerts/untold.ts'
import { type Bell, bell } from './bell.ts'
import { evaluationOver } from './evaluation.ts'
import type { Incident } from './incidents/incident.ts'
import { type Incidents, openIncidents } from './incidents/incidents.ts'
import { openPager, type Pager } from './notify/pager.ts'
import type { Variables } from './notify/setting.ts'
import { startReceiver } from './scrape/heartbeats/receiver.ts'
import { keptEveryMs, openSilences, type Silences } from './scrape/heartbeats/silences.ts'
import type { RecoveryFacts } from './scrape/measured/recovery-ages.ts'
import { startScraping } from './scrape/scraping.ts'
import type { Labels } from './series.ts'
import { openSeriesStore } from './store/series-store.ts'
import { systemTargets, type Whereabouts } from './targets.ts'
import { followTroubles, type TroubleListener, type Troubles } from './troubles.ts'

/** What is told to whoever runs it, as it happens. */
export interface WatchListener extends TroubleListener {
  noticed(notice: Notice): void
  opened(incident: Incident): void
  /** A series of an alert begins to fire and nobody is told; `why` ends the sentence. */
  untold(alert: string, labels: Labels, why: string): void
  acted(run: ActionRun): void
  /** Heartbeats are heard from now on; the name of a probe follows the address. */
  listening(url: string): void
  delivered(messages: number): void
}

export interface WatchOptions {
  plan: Plan
  /** Where everything it keeps lies; one watch at a time. */
  directory: string
  whereabouts: Whereabouts
  clock: Clock
  random: Random
  /** Where channels have their addresses; `process.env`. */
  variables: Variables
  /** How often figures are read, in milliseconds. */
  everyMs: number
  recoveryFacts: (signal: AbortSignal) => Promise<RecoveryFacts>
  /** How long after the start the verdicts of guarantees are first read, since that takes a while of processor time. */
  verdictsAfterMs: number
  /** Every guarantee with its verdict of now. */
  guarantees: () => Promise<NonNullable<RoundInput['guarantees']>>
  perform: ActionsOptions['perform']
  /** Which version runs now; undefined while none does, or nobody knows. Another one than before is a release. */
  version: () => Promise<string | undefined>
  listener: WatchListener
  signal: AbortSignal
}

/** How long figures are kept. */
const keptMs = 30 * 86_400_000
/** Rules are judged more often than figures are read: what was just read waits no whole interval. */
const judgedEveryMs = 5_000
const guaranteesEveryMs = 300_000
/** What another process hands to the pager is found so soon. */
const pagerEveryMs = 5_000
/** A release is seen so soon. */
const versionEveryMs = 5_000

/**
 * Measures a system, judges the rules of its plan, tells people, opens incidents and acts, until the signal. All that it knows is on the disk: killed at any
 * moment, the next one goes on where it was. A source that is down holds nothing up.
 * @returns what ends when everything under way has ended; it rejects when what was measured or decided can not be kept.
 * @throws SERIES_STORE_HELD, NOTIFY_SETTING
 */
export function startWatch(options: WatchOptions): { done: Promise<void> } {
  const { plan, directory, clock, listener } = options
  using opening = new DisposableStack()
  // First: who holds the series is the one watch there is.
  const series = openSeriesStore(directory, keptMs)
  opening.defer(() => series.close())
  const alerts = opening.use(openAlertStore(join(directory, 'alerts.db')))
  const pager = openPager({ directory, plan, clock, random: options.random, variables: options.variables })
  opening.defer(() => pager.close())
  const incidents = openIncidents({ directory, plan, clock })
  opening.defer(() => incidents.end())
  const actions = openActions({ directory, plan, clock, perform: options.perform })
  opening.defer(() => actions.close())
  const heartbeats = Object.entries(plan.probes).flatMap(([name, probe]) => ('heartbeat' in probe ? [name] : []))
  const silences = heartbeats.length === 0 ? undefined : openSilences(directory, heartbeats, clock)
  opening.defer(() => silences?.close())
  const rooms = opening.move()

  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const outcomes: { probe: string; ok: boolean }[] = []
  const troubles = followTroubles(listener)
  const scraping = startScraping({
    targets: systemTargets({
      ...options,
      source: series,
      silentMs: (probe) => silences?.silentMs(probe),
      onProbe: (probe, { ok }) => outcomes.push({ probe, ok }),
      signal,
    }),
    sink: series,
    telemetry: plan.telemetry,
    clock,
    signal,
    onTrouble: ({ job }, error) => troubles.ails(job, error),
    onAnswer: ({ job }) => troubles.gives(job),
  })
  const hurry = bell(clock)
  const world: World = { ...options, signal, alerts, pager, incidents, actions, hurry, troubles }
  const parts = [
    scraping.done,
    judge(world, evaluationOver(series), () => outcomes.splice(0)),
    page(world),
    noteReleases(world),
    ...(silences === undefined ? [] : [hear(world, silences)]),
  ].map((part) =>
    part.catch((error: unknown) => {
      if (signal.aborted) return
      failed.abort(error)
      throw error
    }),
  )
  return {
    done: Promise.allSettled(parts).then((ends) => {
      rooms.dispose()
      const broken = ends.find((end) => end.status === 'rejected')
      if (broken) throw broken.reason
    }),
  }
}

interface World extends WatchOptions {
  alerts: AlertStore
  pager: Pager
  incidents: Incidents
  actions: Actions
  /** Rung when the pager has something new. */
  hurry: Bell
  troubles: Troubles
}

async function judge(
  world: World,
  evaluate: RoundInput['evaluate'],
  probes: () => NonNullable<RoundInput['probes']>,
): Promise<void> {
  const { plan, clock, alerts, signal } = world
  const setup = alertSetup(plan)
  const verdicts = keptVerdicts(world)
  const noteUntold = followUntold(world.listener.untold)
  const acting = actingWith(world.actions, world.listener)
  // What a killed watch decided and did not hand over.
  handOver(world)
  try {
    while (!signal.aborted) {
      const input = { evaluate, probes: probes(), guarantees: verdicts.now() }
      const { state, notices } = alertRound(setup, alerts.state(), input, clock.now())
      alerts.commit(state, notices)
      noteUntold(state.rules, { ...setup, silences: [...state.silences.values()] }, clock.now())
      handOver(world)
      acting.on(state)
      await clock.sleep(Math.min(judgedEveryMs, world.everyMs), signal)
    }
  } finally {
    await acting.settled()
    await verdicts.settled()
  }
}

/** Incidents first: a message that says one is open finds it. Repeated after a kill, both take it as the same. */
function handOver({ alerts, pager, incidents, hurry, listener }: World): void {
  for (const { sequence, notice } of alerts.waiting()) {
    for (const alert of notice.alerts) {
      const before = incidents.all().length
      const incident = incidents.noticed(alert)
      if (incident !== undefined && incidents.all().length > before) listener.opened(incident)
    }
    pager.accept(notice)
    alerts.handedOver(sequence)
    listener.noticed(notice)
    hurry.ring()
  }
}

async function noteReleases({ actions, version, clock, signal, troubles }: World): Promise<void> {
  while (!signal.aborted) {
    try {
      const running = await version()
      if (running !== undefined) actions.running(running)
      troubles.gives('version')
    } catch (error) {
      troubles.ails('version', error)
    }
    await clock.sleep(versionEveryMs, signal)
  }
}

/** Jobs find the address in `heartbeats.url` of the watch folder for as long as somebody hears them. */
async function hear({ plan, directory, clock, signal, listener }: World, silences: Silences): Promise<void> {
  const receiver = await startReceiver(silences, plan.incidents.receiver?.port ?? silences.port())
  const file = join(directory, 'heartbeats.url')
  try {
    silences.listensOn(Number(new URL(receiver.url).port))
    await writeFile(`${file}.new`, receiver.url)
    await rename(`${file}.new`, file)
    listener.listening(receiver.url)
    while (!signal.aborted) {
      silences.keep()
      await clock.sleep(keptEveryMs, signal)
    }
  } finally {
    await rm(file, { force: true })
    await receiver.stop()
  }
}

async function page({ pager, clock, everyMs, signal, hurry, listener }: World): Promise<void> {
  while (!signal.aborted) {
    const { delivered, nextDueMs } = await pager.work()
    if (delivered > 0) listener.delivered(delivered)
    await hurry.wait(Math.min(pagerEveryMs, everyMs, Math.max(0, (nextDueMs ?? Infinity) - clock.now())), signal)
  }
}

/**
 * Verdicts are read beside the rounds, since they take the digest of all sources; rounds judge by the last that were read. Until
 * then by those that the last watch told of: a start is no reason to say that a refuted guarantee holds again.
 */
function keptVerdicts({ plan, guarantees, verdictsAfterMs, clock, troubles, signal, alerts }: World) {
  let kept = verdictsBefore(plan, alerts.state())
  let nextMs = clock.now() + verdictsAfterMs
  let reading: Promise<void> | undefined
  const read = async () => {
    try {
      kept = await guarantees()
      troubles.gives('guarantees')
    } catch (error) {
      if (!signal.aborted) troubles.ails('guarantees', error)
    }
  }
  return {
    now: () => {
      if (clock.now() >= nextMs && reading === undefined) {
        nextMs = clock.now() + guaranteesEveryMs
        reading = read().finally(() => {
          reading = undefined
        })
      }
      return kept
    },
    settled: async () => reading,
  }
}

function verdictsBefore({ incidents }: Plan, { groups }: AlertState): NonNullable<RoundInput['guarantees']> {
  const prefix = 'guarantee:'
  const members = [...groups.values()].flatMap((group) => group.members)
  return members.flatMap(({ alert, severity, endedAtMs }) =>
    alert.startsWith(prefix) && endedAtMs === undefined
      ? [{ id: alert.slice(prefix.length), verdict: severity === incidents.guarantees.stale ? 'stale' : 'refuted' }]
      : [],
  )
}
