import type { Evidence } from '../ledger/evidence.ts'
import { openLedger } from '../ledger/ledger.ts'
import type { Project, System } from '../project/project.ts'
import { conclude } from '../prove/conclude.ts'
import type { Finding } from '../prove/prover.ts'
import { readSubjects } from '../prove/subject.ts'
import { type CommandContext, printJson } from './command.ts'
import { runFacts } from './run-facts.ts'
import { serverVersionOf } from './server-version.ts'

/** Makes evidence of what a long run found, and adds it to the ledger; `fast` is for a run that was smaller than a full proof. */
export type KeepFinding = (finding: Finding, effort: 'fast' | 'full') => Promise<Evidence>

/** What findings are about is read now: evidence is of the system as it is at this moment. */
export async function findingKeeper(
  project: Project,
  system: System,
  seed: number,
  { clock }: CommandContext,
): Promise<KeepFinding> {
  const subjectOf = await readSubjects(system, await serverVersionOf(system))
  return async (finding, effort) => {
    const facts = await runFacts(project, system, seed, effort)
    const evidence = conclude(finding, subjectOf(finding.guarantee), facts)
    const ledger = openLedger(project.state, clock)
    try {
      ledger.append(evidence)
    } finally {
      ledger.close()
    }
    return evidence
  }
}

/** Prints what long runs came to, and ends with 1 when something was refuted, 3 when not all of it is proven. */
export function tellEvidence(
  evidence: readonly Evidence[],
  named: 'system' | 'guarantee',
  flags: { seed: number; json?: true },
  context: CommandContext,
): void {
  if (flags.json) printJson(context, evidence)
  else
    for (const each of evidence) context.out(`${each[named]} ${each.verdict}: ${each.reason} (seed ${flags.seed}).\n`)
  const verdicts = evidence.map(({ verdict }) => verdict)
  context.exitWith(verdicts.includes('refuted') ? 1 : verdicts.every((verdict) => verdict === 'proven') ? 0 : 3)
}
