import { idBegins } from '../plan/guarantee.ts'
import type { Project, System } from '../project/project.ts'
import { type MutantResult, mutantsOf, tryMutant } from '../prove/self-test.ts'
import { type CommandContext, type ExitCode, printJson } from './command.ts'
import { showProgress } from './progress.ts'
import { runFacts } from './run-facts.ts'

/**
 * Tries every mutant of a system whose guarantee begins as asked, and tells of each whether its prover saw it.
 * @returns 1 unless there is one and every one was refuted
 */
export async function trySelfTest(
  project: Project,
  system: System,
  flags: { only: readonly string[]; seed: number; json?: true },
  context: CommandContext,
): Promise<ExitCode> {
  const mutants = (await mutantsOf(system)).filter(({ guarantee }) => idBegins(guarantee.id, flags.only))
  const facts = await runFacts(project, system, flags.seed, 'fast')
  const progress = showProgress(context)
  const results: MutantResult[] = []
  for (const mutant of mutants) {
    context.signal.throwIfAborted()
    const result = await tryMutant(
      mutant,
      {
        system,
        state: project.state,
        clock: context.clock,
        seed: flags.seed,
        signal: context.signal,
        progress: progress.step,
        log: progress.log,
      },
      facts,
    )
    progress.end()
    results.push(result)
    const line = `${result.seen ? 'refuted ' : 'NOT SEEN'}  ${mutant.id.padEnd(28)}  ${mutant.guarantee.id}\n          ${mutant.description}\n          ${result.evidence.verdict}: ${result.evidence.reason}\n`
    if (!flags.json) context.out(line)
  }
  if (flags.json) {
    printJson(
      context,
      results.map(({ mutant, evidence, seen }) => ({
        mutant: mutant.id,
        system: system.name,
        breaks: mutant.guarantee.id,
        seen,
        verdict: evidence.verdict,
        reason: evidence.reason,
      })),
    )
  } else {
    context.out(
      `\n${results.filter(({ seen }) => seen).length} of ${results.length} mutants were refuted (seed ${flags.seed}).\n`,
    )
  }
  return results.length > 0 && results.every(({ seen }) => seen) ? 0 : 1
}
