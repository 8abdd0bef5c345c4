import type { Verdict } from '../../ledger/evidence.ts'
import type { Plan } from '../../plan/plan.ts'
import { flushed, type GroupState, type Happened, type Member, type Pace, updated } from './group.ts'
import { type Firing, inhibitorOf } from './inhibition.ts'
import { type MaintenanceWindow, maintenanceWindows } from './maintenance.ts'
import type { Notice } from './notice.ts'
import { type Evaluate, type Reading, readQuery } from './reading.ts'
import { type AlertRule, guaranteeRule, heartbeatName, rulesOf } from './rule.ts'
import { advance, type Instance, listedLabels, type RuleState } from './rule-state.ts'
import { type Silence, silenceOf } from './silence.ts'
import { filledSummary } from './summary.ts'

/** What a plan says of alerts, made ready once. */
export interface AlertSetup {
  plan: Plan
  rules: ReadonlyMap<string, AlertRule>
  windows: readonly MaintenanceWindow[]
}

/** All that is remembered between rounds. Nothing in it is ever changed; what a round leaves alone stays the same object. */
export interface AlertState {
  /** By name of the rule; what is quiet is not in it. */
  rules: ReadonlyMap<string, RuleState>
  groups: ReadonlyMap<string, GroupState>
  silences: ReadonlyMap<string, Silence>
}

export const emptyState: AlertState = { rules: new Map(), groups: new Map(), silences: new Map() }

/** What a round is told. */
export interface RoundInput {
  evaluate: Evaluate
  /** Answers of probes since the last round, oldest first. */
  probes?: readonly { probe: string; ok: boolean }[]
  /** Every guarantee of the ledger with its verdict of now. */
  guarantees?: readonly { id: string; verdict: Verdict }[]
}

/** What of a plan a round needs. */
export function alertSetup(plan: Plan): AlertSetup {
  const rules = new Map(rulesOf(plan).map((rule) => [rule.name, rule]))
  return { plan, rules, windows: maintenanceWindows(plan) }
}

/**
 * One round at a moment: every rule is read and advanced, what fires is grouped, muted or told. It changes nothing but what it returns;
 * the same state and input give the same notices.
 */
export function alertRound(
  setup: AlertSetup,
  state: AlertState,
  input: RoundInput,
  atMs: number,
): { state: AlertState; notices: Notice[] } {
  const guarantees = (input.guarantees ?? []).map(({ id, verdict }) => guaranteeRule(setup.plan, id, verdict))
  const rules =
    guarantees.length === 0
      ? setup.rules
      : new Map([...setup.rules, ...guarantees.map((rule): [string, AlertRule] => [rule.name, rule])])
  const states = new Map<string, RuleState>()
  const ended = new Map<string, number>()
  for (const rule of rules.values()) {
    const before = probed(rule, state.rules.get(rule.name), input, atMs)
    const reading = listed(setup.plan, readingOf(rule, before, input, atMs))
    const after = advance(rule, before, reading, atMs)
    if (after.state) states.set(rule.name, after.state)
    for (const { id, falseSinceMs } of after.ended) ended.set(id, falseSinceMs ?? atMs)
  }
  const { groups, notices } = told(setup, state, rules, states, ended, atMs)
  return { state: { rules: states, groups, silences: remembered(state.silences, atMs) }, notices }
}

/** Every instance of the state that fires, with its rule. */
export function firingOf(
  rules: ReadonlyMap<string, AlertRule>,
  states: ReadonlyMap<string, RuleState>,
): { rule: AlertRule; instance: Instance }[] {
  return [...states].flatMap(([name, { instances }]) => {
    const rule = rules.get(name)
    return rule === undefined
      ? []
      : instances.filter(({ phase }) => phase === 'firing').map((instance) => ({ rule, instance }))
  })
}

function told(
  setup: AlertSetup,
  state: AlertState,
  rules: ReadonlyMap<string, AlertRule>,
  states: ReadonlyMap<string, RuleState>,
  ended: ReadonlyMap<string, number>,
  atMs: number,
): { groups: Map<string, GroupState>; notices: Notice[] } {
  const firing = firingOf(rules, states)
  const inhibitors: Firing[] = firing.map(({ rule, instance }) => ({ alert: rule.name, labels: instance.labels }))
  const muted = (one: Member) => {
    if (one.alert === heartbeatName) return undefined
    if (silenceOf(state.silences.values(), one, atMs)) return 'silent'
    if (setup.windows.some((window) => window.covers(one.alert) && window.endsAt(atMs) !== undefined)) return 'silent'
    return inhibitorOf(one, inhibitors, rules) ? 'inhibited' : undefined
  }
  const happened = new Map<
    string,
    { identity: Pick<GroupState, 'key' | 'channel'>; firing: Happened['firing'][number][] }
  >()
  for (const { key, channel } of state.groups.values()) {
    happened.set(`${channel} ${key}`, { identity: { key, channel }, firing: [] })
  }
  for (const { rule, instance } of firing) {
    const key = groupKey(setup.plan, rule, instance)
    for (const channel of rule.channels) {
      const at = `${channel} ${key}`
      const entry = happened.get(at) ?? { identity: { key, channel }, firing: [] }
      entry.firing.push(memberOf(rule, instance))
      happened.set(at, entry)
    }
  }
  const groups = new Map<string, GroupState>()
  const notices: Notice[] = []
  const blind = states.get(heartbeatName)?.unknown !== undefined
  // In one order, whatever the state was read from.
  for (const [at, { identity, firing }] of [...happened].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const pace = paceOf(setup, identity.key)
    const group = updated(state.groups.get(at), identity, { firing, ended }, pace, atMs)
    if (!group) continue
    const held = blind && identity.key === heartbeatKey
    const { group: after, notice } = held ? { group, notice: undefined } : flushed(group, muted, pace, atMs)
    if (after) groups.set(at, after)
    if (notice) notices.push(notice)
  }
  return { groups, notices }
}

const heartbeatKey = `alert=${heartbeatName}`

function groupKey({ incidents }: Plan, rule: AlertRule, { labels }: Instance): string {
  if (rule.name === heartbeatName) return heartbeatKey
  return incidents.routing.groupBy
    .map((by) => `${by}=${by === 'alert' ? rule.name : by === 'severity' ? rule.severity : (labels[by] ?? '')}`)
    .join(',')
}

function paceOf({ plan }: AlertSetup, key: string): Pace {
  const { routing, heartbeat } = plan.incidents
  if (heartbeat && key === heartbeatKey) return { waitMs: 0, intervalMs: heartbeat.every, repeatMs: heartbeat.every }
  return { waitMs: routing.groupWait, intervalMs: routing.groupInterval, repeatMs: routing.repeatInterval }
}

function memberOf(rule: AlertRule, { id, labels, sinceMs, value }: Instance): Omit<Member, 'told'> {
  const runbook = rule.runbook === undefined ? {} : { runbook: rule.runbook }
  const summary = filledSummary(rule.summary, labels, value ?? Number.NaN)
  return { id, alert: rule.name, labels, severity: rule.severity, summary, ...runbook, startedAtMs: sinceMs, value }
}

/** The state of a probe's rule with its answers counted; a success forgets the failures before it. */
function probed(
  rule: AlertRule,
  state: RuleState | undefined,
  { probes = [] }: RoundInput,
  atMs: number,
): RuleState | undefined {
  if (rule.source.kind !== 'probe') return state
  const answers = probes.filter(({ probe }) => `probe:${probe}` === rule.name)
  const failuresInARow = answers.reduce((count, { ok }) => (ok ? 0 : count + 1), state?.failuresInARow ?? 0)
  if (failuresInARow === (state?.failuresInARow ?? 0)) return state
  return { ...(state ?? { instances: [], lastMs: atMs }), failuresInARow }
}

function readingOf(rule: AlertRule, state: RuleState | undefined, input: RoundInput, atMs: number): Reading {
  const { source } = rule
  switch (source.kind) {
    case 'probe': {
      const value = state?.failuresInARow ?? 0
      return { kind: 'known', points: value >= source.failures ? [{ labels: {}, value }] : [] }
    }
    case 'guarantee': {
      const broken = source.verdict === 'refuted' || source.verdict === 'stale'
      return { kind: 'known', points: broken ? [{ labels: {}, value: 1 }] : [] }
    }
    default:
      return readQuery(rule, input.evaluate, atMs)
  }
}

function listed(plan: Plan, reading: Reading): Reading {
  if (reading.kind === 'unknown' || reading.points.length === 0) return reading
  return {
    kind: 'known',
    points: reading.points.map(({ labels, value }) => ({ labels: listedLabels(plan, labels), value })),
  }
}

/** A silence is kept for a month after its end: whoever asks why nobody was told finds it. */
const silenceKeptMs = 2_592_000_000

function remembered(silences: AlertState['silences'], atMs: number): AlertState['silences'] {
  const kept = [...silences].filter(([, { untilMs }]) => atMs - untilMs < silenceKeptMs)
  return kept.length === silences.size ? silences : new Map(kept)
}
