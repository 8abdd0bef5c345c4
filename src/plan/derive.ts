import type { Bound, Guarantee, GuaranteeKind, Safety } from './guarantee.ts'
import type { Limit } from './limits.ts'
import type { Plan, PlanPath } from './plan.ts'
import type { Probe } from './probes.ts'
import { formatBytes, formatDuration } from './units.ts'

const day = 86_400_000

/** How long evidence of a kind is believed when nothing it depends on changes. */
const freshFor: Record<GuaranteeKind, number> = {
  behaviour: 30 * day,
  recovery: 92 * day,
  integrity: 31 * day,
  retention: 92 * day,
  isolation: 30 * day,
  migration: 92 * day,
  blindness: 30 * day,
  limits: 30 * day,
  performance: 30 * day,
  telemetry: 30 * day,
  alerts: 92 * day,
  probes: 92 * day,
  runbooks: 92 * day,
}

const safety: Record<GuaranteeKind, Safety> = {
  behaviour: 'scratch',
  recovery: 'disruptive',
  integrity: 'scratch',
  retention: 'scratch',
  isolation: 'scratch',
  migration: 'scratch',
  blindness: 'scratch',
  limits: 'scratch',
  performance: 'scratch',
  telemetry: 'scratch',
  alerts: 'scratch',
  probes: 'scratch',
  runbooks: 'disruptive',
}

interface Cited {
  source?: string | undefined
  requirements: readonly string[]
  /** How long evidence is believed, where the plan says so; else its kind tells. Milliseconds. */
  believedFor?: number
}

const holds: Bound = { op: 'holds' }
const atMost = (ms: number): Bound => ({ op: '<=', value: ms, unit: 'ms' })

/**
 * Every promise of a plan, in the plan's order. Pure: the same plan gives the same guarantees, and each id is unique
 * because it is built from the path of its entry. Subjects that are not names of the plan hold a ':', which no name can: an
 * objective called `procedure-a` must not share its evidence with the procedure `a`.
 */
export function deriveGuarantees(plan: Plan): Guarantee[] {
  const guarantees: Guarantee[] = []
  const promise = (
    kind: GuaranteeKind,
    subject: string,
    name: string,
    claim: string,
    target: Bound,
    path: PlanPath,
    ...cited: Cited[]
  ) => {
    guarantees.push({
      id: `${kind}/${subject}/${name}`,
      system: plan.system,
      kind,
      subject,
      claim,
      target,
      source: cited.find((entry) => entry.source)?.source,
      requirements: [...new Set(cited.flatMap((entry) => entry.requirements))],
      safety: safety[kind],
      freshFor: cited.find((entry) => entry.believedFor !== undefined)?.believedFor ?? freshFor[kind],
      path,
    })
  }

  for (const [service, entry] of Object.entries(plan.services)) {
    for (const [name, promised] of Object.entries(entry.promises)) {
      promise('behaviour', service, name, promised.claim, holds, ['services', service, 'promises', name], promised)
    }
    if (entry.openapi !== undefined) {
      const claim = `Whatever is asked of ${service}, it answers as ${entry.openapi.path} declares, without failing and without telling what was sent`
      promise(
        'behaviour',
        `requests:${service}`,
        'answered',
        claim,
        holds,
        ['services', service, 'openapi'],
        entry.openapi,
      )
    }
    for (const [name, target] of Object.entries(entry.performance)) {
      const path = ['services', service, 'performance', name]
      for (const percentile of ['p50', 'p95', 'p99'] as const) {
        const ms = target[percentile]
        if (ms === undefined) continue
        const claim = `${percentile.toUpperCase()} of ${target.operation} is at most ${formatDuration(ms)}`
        promise('performance', service, `${name}-${percentile}`, claim, atMost(ms), [...path, percentile], target)
      }
      if (target.throughput !== undefined) {
        const claim = `One instance holds ${target.throughput} ${target.operation} a second`
        const bound: Bound = { op: '>=', value: target.throughput, unit: 'per-second' }
        promise('performance', service, `${name}-throughput`, claim, bound, [...path, 'throughput'], target)
      }
    }
  }

  const { database, recovery } = plan
  if (database) {
    for (const [name, invariant] of Object.entries(database.invariants)) {
      promise('integrity', 'database', name, invariant.claim, holds, ['database', 'invariants', name], invariant)
    }
    if (database.rowSecurity) {
      const claim = `No row of another ${database.rowSecurity.tenant} can be read, changed, inserted, counted or inferred`
      promise('isolation', 'database', 'rows', claim, holds, ['database', 'rowSecurity'], database.rowSecurity)
    }
  }
  if (database) {
    const { longestBlock } = database.migrations
    const claim = `Every migration applies from empty and over data, and keeps nobody waiting longer than ${formatDuration(longestBlock)}`
    const path = ['database', 'migrations']
    promise('migration', 'database', 'applies', claim, atMost(longestBlock), path, database.migrations, database)
  }
  const databaseBackups = Object.entries(recovery.backups).filter(([, backup]) => backup.of === 'database')
  if (database && databaseBackups.length > 0) {
    const cited = databaseBackups.map(([, backup]) => backup)
    promise(
      'integrity',
      'backups',
      'sound',
      'Every object of the store opens, matches its manifest, and the WAL has no gap',
      holds,
      ['recovery', 'backups'],
      ...cited,
    )
    promise(
      'integrity',
      'backups',
      'every-byte',
      'A change of any byte in the store is found before it is restored',
      holds,
      ['recovery', 'backups'],
      ...cited,
    )
    promise(
      'integrity',
      'restored',
      'pages',
      'A restored database has sound pages and indexes',
      holds,
      ['recovery', 'backups'],
      ...cited,
    )
  }

  if (database && Object.values(plan.services).some((service) => 'command' in service)) {
    const claim = 'A kill of Aval, Postgres or a service at any moment loses no acknowledged write'
    promise('recovery', 'kill', 'acknowledged-writes', claim, holds, ['services'], database)
    if (databaseBackups.length > 0) {
      const restored = 'A restore to the latest point after a kill at any moment holds every acknowledged write'
      promise('recovery', 'kill', 'restored-writes', restored, holds, ['services'], database)
    }
  }

  for (const [name, objective] of Object.entries(recovery.objectives)) {
    const path = ['recovery', 'objectives', name]
    if (objective.rto !== undefined) {
      const claim = `${name} serves again within ${formatDuration(objective.rto)} of its loss`
      promise('recovery', name, 'time', claim, atMost(objective.rto), [...path, 'rto'], objective)
      if (database && objective.covers === 'database') {
        const full = `At the declared ${formatBytes(database.size)} a restore takes at most ${formatDuration(objective.rto)}`
        promise('recovery', name, 'projected-time', full, atMost(objective.rto), ['database', 'size'], objective)
      }
    }
    if (objective.rpo !== undefined) {
      const claim =
        objective.rpo === 0
          ? `${name} loses no acknowledged write`
          : `${name} loses at most ${formatDuration(objective.rpo)} of acknowledged writes`
      promise('recovery', name, 'loss', claim, atMost(objective.rpo), [...path, 'rpo'], objective)
    }
  }
  if (database && recovery.pointInTime) {
    const { granularity, window } = recovery.pointInTime
    const claim = `Any moment of the last ${formatDuration(window)} can be restored to ${formatDuration(granularity)}`
    promise(
      'recovery',
      'point-in-time',
      'precision',
      claim,
      atMost(granularity),
      ['recovery', 'pointInTime'],
      recovery.pointInTime,
    )
  }
  for (const [name, procedure] of Object.entries(recovery.procedures)) {
    const claim = `${name} is done within ${formatDuration(procedure.within)}`
    promise(
      'recovery',
      `procedure:${name}`,
      'time',
      claim,
      atMost(procedure.within),
      ['recovery', 'procedures', name],
      procedure,
    )
    if (procedure.loss !== undefined) {
      const lost =
        procedure.loss === 0
          ? 'no acknowledged write'
          : `at most ${formatDuration(procedure.loss)} of acknowledged writes`
      promise(
        'recovery',
        `procedure:${name}`,
        'loss',
        `${name} loses ${lost}`,
        atMost(procedure.loss),
        ['recovery', 'procedures', name],
        procedure,
      )
    }
  }
  const { escrow } = recovery.key
  if (database && escrow) {
    const claim = 'The escrow copy of the key alone brings the newest backup back'
    promise('recovery', 'key', 'escrow', claim, holds, ['recovery', 'key', 'escrow'], {
      ...escrow,
      believedFor: escrow.rehearsedEvery,
    })
  }
  if (database && recovery.devices) {
    const { count, over } = recovery.devices
    const claim = `${count} devices with failing networks end ${formatDuration(over)} and a restore in identical states, and lose nothing acknowledged`
    promise('recovery', 'devices', 'identical-states', claim, holds, ['recovery', 'devices'], recovery.devices)
  }
  for (const [name, erasure] of Object.entries(recovery.erasures)) {
    const claim = `${erasure.claim}; a restore to any moment before does not bring it back`
    promise('retention', `erasure:${name}`, 'stays-erased', claim, holds, ['recovery', 'erasures', name], erasure)
  }
  for (const [name, backup] of Object.entries(recovery.backups)) {
    const kept = backup.keep === 'forever' ? 'for ever' : `for ${formatDuration(backup.keep)}`
    promise(
      'retention',
      name,
      'kept',
      `${name} backups of ${backup.of} are kept ${kept} and then removed`,
      holds,
      ['recovery', 'backups', name],
      backup,
    )
  }

  if (Object.keys(plan.telemetry.metrics).length > 0) {
    const claim = 'Only the listed metrics with the listed labels leave the system'
    promise('blindness', 'telemetry', 'allow-list', claim, holds, ['telemetry', 'metrics'], plan.telemetry)
  }
  const measuring = Object.entries(plan.services).filter(([, service]) => 'command' in service && service.metrics)
  if (
    Object.values(plan.telemetry.metrics).some(({ emittedBy }) => measuring.some(([name]) => emittedBy.includes(name)))
  ) {
    const claim = 'Every metric that the plan lists for a service is measured by it once it works, and no other'
    promise('telemetry', 'services', 'emitted', claim, holds, ['telemetry'], plan.telemetry)
  }
  for (const [name, forbidden] of Object.entries(plan.telemetry.forbidden)) {
    const claim = `${forbidden.meaning} never appear in metrics, logs, traces or errors`
    promise('blindness', 'forbidden', name, claim, holds, ['telemetry', 'forbidden', name], forbidden, plan.telemetry)
  }
  for (const [name, alert] of Object.entries(plan.alerts)) {
    const claim = `${name} fires when it should, only then, and reaches ${alert.notify.join(' and ')}`
    promise('alerts', name, 'reaches', claim, holds, ['alerts', name], alert)
  }
  for (const [name, probe] of Object.entries(plan.probes)) {
    const claim = `${describeProbe(probe)} is watched every ${formatDuration(probe.every)}`
    promise('probes', name, 'reaches', claim, holds, ['probes', name], probe)
  }
  for (const [name, budget] of Object.entries(plan.spend)) {
    const reached = budget.notify.join(' and ')
    const claim = `Of ${budget.monthly} ${budget.currency} a month for ${name}, ${reached} hears at ${percent(budget.forecast)} forecast, ${percent(budget.spent)} spent, and of a day over ${percent(budget.day)} of the average`
    promise('alerts', `spend:${name}`, 'reaches', claim, holds, ['spend', name], budget)
  }
  for (const [name, escalation] of Object.entries(plan.incidents.escalation)) {
    const claim = `${escalation.severity} without an answer for ${formatDuration(escalation.after)} reaches ${escalation.to.join(' and ')}`
    promise('alerts', `escalation:${name}`, 'reaches', claim, holds, ['incidents', 'escalation', name], escalation)
  }
  for (const [name, limit] of Object.entries(plan.limits)) {
    promise('limits', name, 'exact', describeLimit(limit), holds, ['limits', name], limit)
  }
  for (const [name, runbook] of Object.entries(plan.runbooks)) {
    promise(
      'runbooks',
      name,
      'runs',
      `Every command of "${runbook.title}" runs as written`,
      holds,
      ['runbooks', name],
      runbook,
    )
  }
  return guarantees
}

function percent(ratio: number): string {
  return `${Number((100 * ratio).toPrecision(6))} %`
}

function describeProbe(probe: Probe): string {
  if ('http' in probe) return probe.http
  if ('sql' in probe) return 'A query of the database'
  if ('tcp' in probe) return probe.tcp
  if ('heartbeat' in probe) return `A sign of life every ${formatDuration(probe.heartbeat)}`
  return `The certificate of ${probe.tls}`
}

function describeLimit(limit: Limit): string {
  if ('requests' in limit)
    return `${limit.of}: requests by ${limit.per} in ${formatDuration(limit.window)} stop exactly at the limit`
  if ('bytes' in limit) return `${limit.of}: one byte over the limit is refused, the limit itself is not`
  if ('time' in limit) return `${limit.of}: ended after ${formatDuration(limit.time)}`
  return `${limit.of}: exactly as many as allowed by ${limit.per}`
}
