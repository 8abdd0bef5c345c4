import { randomInt } from 'node:crypto'
import { Option } from 'commander'
import { openLedger } from '../ledger/ledger.ts'
import { deriveGuarantees } from '../plan/derive.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import { exitOfProofs, isSettled, prove } from '../prove/prove.ts'
import type { Effort } from '../prove/prover.ts'
import { isMeant, isSelected, proverOf, type Selection } from '../prove/provers.ts'
import { countVerdicts, type Proof } from '../prove/report/proof.ts'
import { proofTable, proofTroubles } from '../prove/report/table.ts'
import { writeReport } from '../prove/report/write.ts'
import { readSubjects } from '../prove/subject.ts'
import { type Base, withBase } from './changed-since.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, type ExitCode, printJson, type RegisterCommand, usage } from './command.ts'
import { repositoryOf } from './commit.ts'
import { parsePrefixes, unknownPrefix } from './id-prefixes.ts'
import { parseSeed } from './numbers.ts'
import { showProgress } from './progress.ts'
import { inFormat, type ProofFormat, proofFormats } from './proof-formats.ts'
import { proveAtServer } from './prove-at-server.ts'
import { runFacts } from './run-facts.ts'
import { trySelfTest } from './self-test.ts'
import { serverVersionOf } from './server-version.ts'

interface ProveFlags {
  all?: true
  only: string[]
  thorough?: true
  again?: true
  fast?: true
  selfTest?: true
  seed: number
  json?: true
  format?: ProofFormat
  /** `true` for the main branch. */
  changed?: string | true
  env?: string
}

export const registerProve: RegisterCommand = (program, context) => {
  program
    .command('prove')
    .argument('[system]', 'name of the system')
    .description(
      'Carries out every promise that is not proven and fresh, in a scratch environment, and keeps the evidence.',
    )
    .option('--all', 'every system of the project')
    .option(
      '--only <prefixes>',
      'only guarantees whose id starts with it, such as recovery or behaviour/api; several with commas between',
      parsePrefixes,
      [],
    )
    .option(
      '--thorough',
      'also what takes longer: every procedure of recovery, retention over 400 days; about ten minutes',
    )
    .option('--again', 'also what is proven and fresh')
    .option('--fast', 'bounds sizes and samples; the evidence says so')
    .option('--self-test', 'tries every mutant: breaks what the provers guard, and fails unless each is refuted')
    .option('--seed <number>', 'repeats the random choices of an earlier run', parseSeed, randomInt(2 ** 31))
    .option('--json', 'prints the evidence as one JSON array')
    .addOption(
      new Option('--format <name>', 'prints what was proven as another tool reads it')
        .choices(proofFormats)
        .conflicts(['json', 'selfTest']),
    )
    .addOption(
      new Option(
        '--changed [base]',
        'only guarantees whose subject changed since a branch or commit; the main branch where none is named',
      ).conflicts('selfTest'),
    )
    .addOption(
      new Option(
        '--env <environment>',
        'what reading alone tells of the server whose URL the variable of database.servers holds',
      ).conflicts(['selfTest', 'changed', 'format']),
    )
    .addHelpText(
      'after',
      `
Examples:
  aval prove medtime --only recovery
  aval prove medtime --only alerts,probes/api
  aval prove --all --changed origin/main --format github
  aval prove medtime --env production --only integrity/database

Exit codes:
  0  every selected guarantee that has a prover is proven
  1  at least one is refuted, a mutant was not seen, or plan or ledger cannot be used
  2  the command line is wrong
  3  none is refuted, but at least one could not be judged
  130  stopped by Ctrl-C; what was found until then is kept`,
    )
    .action(async (name: string | undefined, flags: ProveFlags) => {
      const project = await findProject(context.cwd, context.home)
      const systems = chooseSystems(project, name, flags.all === true, 'prove')
      const loaded = await Promise.all(systems.map((each) => loadSystem(project, each)))
      const promises = loaded.flatMap(({ plan }) => deriveGuarantees(plan))
      const unknown = unknownPrefix(
        flags.only,
        promises.map(({ id }) => id),
      )
      if (unknown !== undefined)
        throw usage('prove', `No promise begins with "${unknown}"; aval guarantees lists them.`)
      const exits: ExitCode[] = []
      if (flags.selfTest) {
        for (const system of loaded) exits.push(await trySelfTest(project, system, flags, context))
        return context.exitWith(worstExit(exits))
      }
      if (flags.env !== undefined) {
        const choice = { ...flags, environment: flags.env }
        const told = []
        for (const system of loaded) told.push(await proveAtServer(project, system, choice, context))
        if (flags.json)
          printJson(
            context,
            told.flatMap(({ evidence }) => evidence),
          )
        return context.exitWith(worstExit(told.map(({ exit }) => exit)))
      }
      const told: { system: System; proofs: readonly Proof[] }[] = []
      const proveAll = async (base?: Base) => {
        for (const system of loaded) {
          const { proofs, exit } = await proveSystem(project, system, flags, context, base)
          told.push({ system, proofs })
          exits.push(exit)
        }
      }
      if (flags.changed === undefined) await proveAll()
      else await withBase(project, flags.changed === true ? undefined : flags.changed, proveAll)
      if (flags.json) {
        const tried = told.flatMap(({ proofs }) => proofs.flatMap(({ evidence }) => evidence ?? []))
        printJson(context, tried)
      }
      if (flags.format) {
        const root = (await repositoryOf(project.root)) ?? project.root
        context.out(inFormat(flags.format, told, root))
      }
      context.exitWith(worstExit(exits))
    })
}

async function proveSystem(
  project: Project,
  system: System,
  flags: ProveFlags,
  context: CommandContext,
  base: Base | undefined,
): Promise<{ proofs: readonly Proof[]; exit: ExitCode }> {
  const { clock } = context
  const startedAt = clock.now()
  const ledger = openLedger(project.state, clock)
  ledger.requireWritable()
  const progress = showProgress(context)
  const effort = flags.fast ? 'fast' : 'full'
  const subjectOf = await readSubjects(system, await serverVersionOf(system))
  const changed = await base?.changed(system, subjectOf)
  if (base && changed)
    context.err(`${system.name}: ${changed.size} promises are about something that changed since ${base.name}.\n`)
  const selection: Selection = {
    only: flags.only,
    thorough: flags.thorough === true,
    ...(changed === undefined ? {} : { changed }),
  }
  const facts = await runFacts(project, system, flags.seed, effort)
  try {
    const proofs = await prove({
      project,
      system,
      ledger,
      subjectOf,
      facts,
      clock,
      effort,
      selection,
      again: flags.again === true,
      signal: context.signal,
      progress: progress.step,
      log: progress.log,
      concluded: progress.concluded,
    })
    progress.end()
    const tookMs = clock.now() - startedAt
    const report = await writeReport(project, system, proofs, {
      at: startedAt,
      tookMs,
      effort,
      seed: flags.seed,
      commit: facts.commit,
    })
    // The page tells of the whole plan, whatever part of it this run was about.
    const selected = proofs.filter(({ guarantee }) => isMeant(guarantee, selection))
    if (!flags.json && !flags.format) context.out(summary(system, selected, tookMs, report, selection, effort, context))
    return { proofs: selected, exit: exitOfProofs(selected, system, selection) }
  } finally {
    progress.end()
    ledger.close()
  }
}

function summary(
  system: System,
  proofs: readonly Proof[],
  tookMs: number,
  report: string,
  selection: Selection,
  effort: Effort['name'],
  context: CommandContext,
): string {
  const counts = countVerdicts(proofs)
  const tried = proofs.filter(({ verdict }) => verdict !== 'unproven')
  const fresh = proofs.filter((proof) => proof.fresh).length
  const troubles = proofTroubles(tried)
  const waiting = proofs.filter(
    (proof) =>
      !isSettled(proof, effort) &&
      proverOf(proof.guarantee, system) !== undefined &&
      !isSelected(proof.guarantee, system, selection),
  )
  const without = proofs.filter(({ guarantee }) => proverOf(guarantee, system) === undefined).length
  return [
    `\n${system.plan.title ?? system.name}`,
    proofTable(tried, context.interactive),
    ...(troubles === '' ? [] : [`\n${troubles}`]),
    `\n${counts.proven} proven, ${counts.refuted} refuted, ${counts.inconclusive} inconclusive, ${counts.stale} stale; ${fresh} carried out now in ${Math.round(tookMs / 1000)} s.`,
    ...(waiting.length === 0
      ? []
      : [`${waiting.length} take longer and wait for: aval prove ${system.name} --thorough`]),
    ...(without === 0 ? [] : [`${without} of these promises have no prover yet: aval guarantees ${system.name}`]),
    `Report: ${report}\n`,
  ].join('\n')
}

function worstExit(exits: readonly ExitCode[]): ExitCode {
  return exits.includes(1) ? 1 : exits.includes(3) ? 3 : 0
}
