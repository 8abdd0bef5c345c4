import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Evidence } from '../ledger/evidence.ts'
import { deriveGuarantees } from '../plan/derive.ts'
import type { Guarantee } from '../plan/guarantee.ts'
import { startChild } from '../process.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import { crashGuarantee, crashRepeatedly, type SoakOptions } from '../prove/crash/crash.ts'
import { restoreRepeatedly, restoresGuarantee } from '../prove/crash/restores.ts'
import type { Finding } from '../prove/prover.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, type RegisterCommand, usage } from './command.ts'
import { mainProgram } from './main-program.ts'
import { parseCount, parseSeed } from './numbers.ts'
import { registerSoakDevices } from './soak-devices.ts'
import { findingKeeper, tellEvidence } from './soak-evidence.ts'
import { registerSoakRequests } from './soak-requests.ts'

interface SoakFlags {
  all?: true
  count?: number
  seconds?: number
  seed: number
  json?: true
}

export const registerSoak: RegisterCommand = (program, context) => {
  const soak = program
    .command('soak')
    .description('Long runs, for a stated time or count, with a seed that repeats them.')
  withSoakOptions(soak.command('kills'))
    .description(
      'kill -9 of Aval, Postgres and services at random moments of a push, a backup and a restore; kept as evidence.',
    )
    .addHelpText('after', examples('aval soak kills medtime --count 200'))
    .action((name: string | undefined, flags: SoakFlags) =>
      soakSystems('soak kills', crashGuarantee, crashRepeatedly, name, flags, context),
    )
  withSoakOptions(soak.command('restores'))
    .description(
      'kill -9 at random moments under load, each followed by a restore to the latest point and a question for every acknowledged write; kept as evidence.',
    )
    .addHelpText('after', examples('aval soak restores medtime --count 100'))
    .action((name: string | undefined, flags: SoakFlags) =>
      soakSystems('soak restores', restoresGuarantee, restoreRepeatedly, name, flags, context),
    )
  registerSoakDevices(soak, context)
  registerSoakRequests(withSoakOptions(soak.command('requests'), 'this many requests'), context)
  soak
    .command('properties')
    .description("Runs the property tests of Aval's own repository with many more examples.")
    .option('--count <number>', 'examples of each property', parseCount, 5_000)
    .option('--seed <number>', 'repeats the random choices of an earlier run', parseSeed, randomInt(2 ** 31))
    .addHelpText(
      'after',
      '\nExample:\n  aval soak properties --count 20000\n\nExit codes: 0 all held, 1 one did not, 2 the command line is wrong.',
    )
    .action(async (flags: { count: number; seed: number }) => {
      context.err(`${flags.count} examples of each property, seed ${flags.seed}\n`)
      const files = ['src/**/*.test.ts', 'systems/**/*.test.ts']
      const args = [
        '--import',
        join(context.home, 'test/many-examples.ts'),
        '--test',
        '--test-name-pattern',
        'property',
        ...files,
      ]
      const child = await startChild({
        program: process.execPath,
        args,
        cwd: context.home,
        env: { ...process.env, AVAL_EXAMPLES: String(flags.count), AVAL_SEED: String(flags.seed) },
      })
      child.process.stdout?.on('data', (chunk: Buffer) => context.out(chunk.toString()))
      child.process.stderr?.on('data', (chunk: Buffer) => context.err(chunk.toString()))
      const { code } = await child.ended
      if (code !== 0) context.exitWith(1)
    })
}

type Soak = (options: SoakOptions) => Promise<Finding>

function withSoakOptions(command: Command, each = 'this many kills of each'): Command {
  return command
    .argument('[system]', 'name of the system')
    .option('--all', 'every system that has services of its own')
    .option('--count <number>', each, parseCount)
    .option('--seconds <number>', 'for this long', parseCount)
    .option('--seed <number>', 'repeats the random choices of an earlier run', parseSeed, randomInt(2 ** 31))
    .option('--json', 'prints the evidence as one JSON array')
}

function examples(line: string): string {
  return `\nExample:\n  ${line}\n\nExit codes: 0 nothing was lost, 1 something was, 2 the command line is wrong, 3 it could not be judged.`
}

async function soakSystems(
  command: string,
  id: string,
  repeat: Soak,
  name: string | undefined,
  flags: SoakFlags,
  context: CommandContext,
): Promise<void> {
  if (flags.count === undefined && flags.seconds === undefined)
    throw usage(command, 'Say how long: --count or --seconds.')
  const project = await findProject(context.cwd, context.home)
  const evidence: Evidence[] = []
  for (const each of chooseSystems(project, name, flags.all === true, command)) {
    const system = await loadSystem(project, each)
    const guarantee = deriveGuarantees(system.plan).find((promise) => promise.id === id)
    if (guarantee) evidence.push(await soakSystem(project, system, guarantee, repeat, flags, context))
    else if (!flags.all)
      throw usage(command, `The plan of ${system.name} has no service that Aval starts on a database it can restore.`)
  }
  tellEvidence(evidence, 'system', flags, context)
}

async function soakSystem(
  project: Project,
  system: System,
  guarantee: Guarantee,
  repeat: Soak,
  flags: SoakFlags,
  context: CommandContext,
): Promise<Evidence> {
  const { clock } = context
  const end = flags.seconds === undefined ? Number.POSITIVE_INFINITY : clock.now() + flags.seconds * 1_000
  context.err(`${system.name}, seed ${flags.seed}\n`)
  const finding = await repeat({
    guarantee,
    system,
    aval: [process.execPath, ...process.execArgv, mainProgram],
    clock,
    seed: flags.seed,
    signal: context.signal,
    until: (rounds) => rounds < (flags.count ?? Number.POSITIVE_INFINITY) && clock.now() < end,
    told: (round, rounds) => {
      const troubles = round.troubles.length === 0 ? '' : `  ${round.troubles.join('; ')}`
      const there = `${round.writes - round.missing} of ${round.writes} writes there`
      context.err(`${rounds}  ${round.phase}: ${round.victim} after ${round.afterMs} ms, ${there}${troubles}\n`)
    },
  })
  const keep = await findingKeeper(project, system, flags.seed, context)
  return keep(finding, 'full')
}
