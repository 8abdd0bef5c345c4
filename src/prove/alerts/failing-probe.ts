import type { Plan } from '../../plan/plan.ts'
import type { Notice } from '../../watch/alerts/notice.ts'
import { alertSetup } from '../../watch/alerts/round.ts'
import type { AlertRule } from '../../watch/alerts/rule.ts'
import { simulate } from '../../watch/alerts/simulate.ts'

/**
 * What is told of a probe that fails at every asking, until somebody is told. Whether it sees that something is wrong is asked where the probe is proven.
 * @throws RangeError when it is no probe of the plan
 */
export function failingProbe(
  plan: Plan,
  rule: AlertRule,
  startMs: number,
): { notices: readonly Notice[]; toldAfterMs: number; evaluations: number } {
  const name = rule.name.replace(/^probe:/, '')
  const probe = plan.probes[name]
  if (probe === undefined || rule.source.kind !== 'probe') throw new RangeError('no probe of the plan has this rule')
  const untilMs = startMs + probe.every * (probe.failures + 1) + plan.incidents.routing.groupWait
  const setup = { ...alertSetup(plan), rules: new Map([[rule.name, rule]]) }
  const { notices } = simulate({
    setup,
    fromMs: startMs,
    untilMs,
    stepMs: probe.every,
    evaluate: () => [],
    also: () => ({ probes: [{ probe: name, ok: false }] }),
  })
  const [first] = notices
  return {
    notices,
    toldAfterMs: (first?.atMs ?? untilMs) - startMs,
    evaluations: Math.ceil((untilMs - startMs) / probe.every),
  }
}
