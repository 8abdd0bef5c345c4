import { decideRetention } from '../../recovery/retention/decide.ts'
import type { Decision } from '../../recovery/retention/decision.ts'
import type { RetentionFacts } from '../../recovery/retention/facts.ts'
import type { Keep } from '../../recovery/retention/rules.ts'
import type { Fault } from '../prover.ts'
import { day } from './schedule.ts'

type Decide = (facts: RetentionFacts) => Decision[]

/** The real policy, or with a fault one that is wrong in one way. */
export function decisionsUnder(faults: ReadonlySet<Fault>): Decide {
  if (faults.has('retention-day-early')) return (facts) => decideRetention({ ...facts, ...aDayEarly(facts) })
  if (faults.has('retention-hold-forgotten')) return (facts) => decideRetention({ ...facts, holds: [] })
  if (faults.has('retention-only-backup')) return (facts) => decideRetention(facts).map(forgetNeed)
  return decideRetention
}

function aDayEarly({ rules, walKeep }: RetentionFacts): Pick<RetentionFacts, 'rules' | 'walKeep'> {
  const less = (keep: Keep): Keep => (keep === 'forever' ? keep : keep - day)
  return {
    rules: new Map([...rules].map(([name, rule]) => [name, { ...rule, keep: less(rule.keep) }])),
    walKeep: walKeep === undefined ? undefined : less(walKeep),
  }
}

/** Age alone decides: what only an objective, the window or its being the newest keeps is let go. */
function forgetNeed(decision: Decision): Decision {
  if (decision.of !== 'backup' || decision.outcome === 'remove') return decision
  const byNeed = ['objective', 'newest', 'newest-verified', 'window']
  if (!decision.reasons.every(({ why }) => byNeed.includes(why))) return decision
  const reasons = [{ why: 'expired', what: decision.id, keep: 0, madeAt: 0 }] as const
  return { of: 'backup', id: decision.id, outcome: 'remove', reasons }
}
