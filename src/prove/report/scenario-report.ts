import type { Evidence } from '../../ledger/evidence.ts'
import type { Plan } from '../../plan/plan.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import { faultMeanings } from '../../plan/scenario.ts'
import { formatDuration } from '../../plan/units.ts'
import type { Block, Document } from './document.ts'
import { formatMeasured, formatSample, formatScale, formatTarget } from './figures.ts'
import type { Proof } from './proof.ts'
import { shortened } from './shortened.ts'

/** One step as it was carried out, or left. */
interface ReportedStep {
  does: string
  /** RFC 3339, UTC; null for what a proof does between the steps of the procedure. */
  startedAt: string | null
  outcome: 'done' | 'failed' | 'skipped'
  tookMs: number
  withinMs: number | null
  /** What a person types, by the plan. */
  command: string | null
  expected: string | null
  /** How it was carried out here, and what was seen. */
  saw: string | null
}

/** What carrying one procedure out came to, for people and for other tools; every figure is from the ledger. */
export interface ScenarioReport {
  system: string
  title: string
  scenario: string
  fault: string
  trigger: readonly string[]
  success: readonly string[]
  source: string | null
  requirements: readonly string[]
  verdicts: readonly {
    guarantee: string
    claim: string
    target: string
    measured: string
    verdict: string
    reason: string
    remedy: string | null
  }[]
  steps: readonly ReportedStep[]
  scale: string
  sample: string
  seed: number
  commit: string | null
  environment: Readonly<Record<string, string>>
  startedAt: string
  tookMs: number
}

/** A page is read by a person: what one step says in it is bounded, whatever a command printed. */
const longest = 400

/** @returns undefined when the procedure was never carried out, or the plan has it no more. */
export function scenarioReport(plan: Plan, name: string, proofs: readonly Proof[]): ScenarioReport | undefined {
  const procedure = plan.recovery.procedures[name]
  const own = proofs.filter(({ guarantee }) => guarantee.id.startsWith(`recovery/procedure:${name}/`))
  const evidence = own.flatMap((proof) => (proof.evidence === undefined ? [] : [proof.evidence]))
  const newest = evidence.toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1))[0]
  if (procedure?.fault === undefined || newest === undefined) return undefined
  const expected = new Map(procedure.steps.map(({ does, expect }) => [does, expect]))
  return {
    system: plan.system,
    title: plan.title ?? plan.system,
    scenario: name,
    fault: faultMeanings[procedure.fault],
    trigger: procedure.trigger,
    success: procedure.success,
    source: procedure.source ?? null,
    requirements: procedure.requirements,
    verdicts: own.map(({ guarantee, verdict, evidence: found }) => ({
      guarantee: guarantee.id,
      claim: guarantee.claim,
      target: formatTarget(guarantee.target),
      measured: formatMeasured(found),
      verdict,
      reason: found?.reason ?? 'Never tried',
      remedy: found?.remedy ?? null,
    })),
    steps: newest.steps.map((step) => asReported(step, expected.get(step.name))),
    scale: formatScale(newest),
    sample: evidence.map((each) => `${formatSample(each)}: ${each.sample.of}`).join('; '),
    seed: newest.seed,
    commit: newest.commit,
    environment: newest.environment,
    startedAt: newest.startedAt,
    tookMs: newest.tookMs,
  }
}

function asReported(step: Evidence['steps'][number], expected: string | undefined): ReportedStep {
  const saw = step.detail === undefined ? null : shortened(step.detail, longest)
  return {
    does: step.name,
    startedAt: step.startedAt ?? null,
    outcome: step.outcome,
    tookMs: step.tookMs,
    withinMs: step.withinMs ?? null,
    command: step.command ?? null,
    expected: expected ?? null,
    saw,
  }
}

/** The report of a test for whoever audits it: what failed, what was done, by which command, when, and what came of it. */
export function scenarioDocument(report: ScenarioReport): Document {
  const ordered = report.steps.filter(({ startedAt }) => startedAt !== null)
  const between = report.steps.filter(({ startedAt }) => startedAt === null)
  const left = ordered.filter(({ outcome }) => outcome === 'skipped')
  const troubles = report.verdicts.filter(({ verdict }) => verdict !== 'proven')
  const blocks: Block[] = [
    { kind: 'paragraph', text: `What failed: ${report.fault}.` },
    ...list('What sets it off', report.trigger),
    { kind: 'heading', text: 'What came of it' },
    {
      kind: 'table',
      columns: ['promise', 'bound', 'measured', 'verdict', 'why'],
      rows: report.verdicts.map(({ claim, target, measured, verdict, reason }) => [
        claim,
        target,
        measured,
        verdict,
        reason,
      ]),
    },
    { kind: 'heading', text: 'What was done' },
    {
      kind: 'table',
      columns: ['at', 'step', 'by the plan', 'expected', 'how, and what was seen', 'took', 'limit', 'outcome'],
      rows: ordered.map((step) => [
        step.startedAt?.slice(11, 19) ?? '',
        step.does,
        step.command ?? '—',
        step.expected ?? '—',
        step.saw ?? '—',
        step.outcome === 'skipped' ? '—' : readableMs(step.tookMs),
        step.withinMs === null ? '—' : formatDuration(step.withinMs),
        step.outcome === 'skipped' ? 'left to a person' : step.outcome,
      ]),
    },
    { kind: 'heading', text: 'What the proof did around it' },
    {
      kind: 'steps',
      items: between.map(({ does, saw, tookMs, outcome }) => ({
        text: `${does} (${readableMs(tookMs)})${saw === null ? '' : `: ${saw}`}`,
        failed: outcome === 'failed',
      })),
    },
    { kind: 'heading', text: 'On what it rests' },
    {
      kind: 'list',
      items: [
        `Scale: ${report.scale}`,
        `Sample: ${report.sample}`,
        `Seed ${report.seed}: \`--seed ${report.seed}\` repeats the random choices`,
        ...(report.commit === null ? [] : [`Commit ${report.commit}`]),
        ...Object.entries(report.environment).map(([name, value]) => `${name}: ${value}`),
        ...(report.source === null ? [] : [`Promised in ${report.source}`]),
      ],
    },
    ...list('What must be true at the end, by the plan', report.success),
    ...list(
      'Left to people, and not tried here',
      left.map(({ does }) => does),
    ),
    ...list(
      'Problems found, and what to do',
      troubles.map(({ guarantee, reason, remedy }) => `${guarantee}: ${reason}. ${remedy ?? ''}`),
    ),
  ]
  return {
    sort: 'Report of a recovery test',
    title: `${report.title}: ${report.scenario}`,
    facts: `${report.startedAt.slice(0, 19).replace('T', ' ')} UTC · ${readableMs(report.tookMs)} in all`,
    blocks,
  }
}

function list(heading: string, items: readonly string[]): Block[] {
  return items.length === 0
    ? []
    : [
        { kind: 'heading', text: heading },
        { kind: 'list', items },
      ]
}
