import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Command, CommanderError } from 'commander'
import { timestamp } from '../clock.ts'
import { AvalError, describeError } from '../errors.ts'
import { findProject } from '../project/find-project.ts'
import { type CommandContext, type ExitCode, type RegisterCommand, usage } from './command.ts'
import { interrupted } from './interrupted.ts'
import { version } from './version.ts'

interface CommandEntry {
  name: string
  /** One line for the list of commands; the command's own help says more. */
  summary: string
  /** Loaded only when the command is given, so that none pays for what another needs. */
  load(): Promise<RegisterCommand>
}

const commands: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'write the first plan of the repository you stand in',
    load: async () => (await import('./init.ts')).registerInit,
  },
  {
    name: 'prove',
    summary: 'carry out every promise that is not proven and fresh, and report',
    load: async () => (await import('./prove.ts')).registerProve,
  },
  { name: 'up', summary: 'run a system until Ctrl-C', load: async () => (await import('./up.ts')).registerUp },
  {
    name: 'status',
    summary: 'say in a sentence how a system is, and what needs somebody',
    load: async () => (await import('./status.ts')).registerStatus,
  },
  {
    name: 'check',
    summary: 'say everything that is wrong with a plan',
    load: async () => (await import('./check.ts')).registerCheck,
  },
  {
    name: 'guarantees',
    summary: 'list the promises of a plan with their verdicts',
    load: async () => (await import('./guarantees.ts')).registerGuarantees,
  },
  {
    name: 'requirements',
    summary: 'list what a system must do and what covers it',
    load: async () => (await import('./requirements.ts')).registerRequirements,
  },
  {
    name: 'migrate',
    summary: 'compare the migrations with a database and apply them',
    load: async () => (await import('./migrate.ts')).registerMigrate,
  },
  {
    name: 'backup',
    summary: 'create, list, show, verify, hold and prune backups',
    load: async () => (await import('./backup.ts')).registerBackup,
  },
  {
    name: 'snapshot',
    summary: 'take a backup with a name and a time of its own',
    load: async () => (await import('./snapshot.ts')).registerSnapshot,
  },
  {
    name: 'erase',
    summary: "erase one subject's data, and again after every restore",
    load: async () => (await import('./erase.ts')).registerErase,
  },
  {
    name: 'restore',
    summary: 'restore a backup to the latest point or to a second',
    load: async () => (await import('./restore.ts')).registerRestore,
  },
  {
    name: 'extract',
    summary: "bring one subject's rows, or a dropped table, back from a moment of the past",
    load: async () => (await import('./extract.ts')).registerExtract,
  },
  {
    name: 'repair',
    summary: 'find damaged pages, say what mends them, and mend them',
    load: async () => (await import('./repair.ts')).registerRepair,
  },
  {
    name: 'drills',
    summary: 'what the calendar wants, what came of it, figures and reports',
    load: async () => (await import('./drills.ts')).registerDrills,
  },
  {
    name: 'watch',
    summary: 'measure a system and tell people, until Ctrl-C',
    load: async () => (await import('./watch.ts')).registerWatch,
  },
  {
    name: 'query',
    summary: 'ask what was measured, in PromQL',
    load: async () => (await import('./query.ts')).registerQuery,
  },
  {
    name: 'alerts',
    summary: 'list, explain, try and silence alerts',
    load: async () => (await import('./alerts.ts')).registerAlerts,
  },
  {
    name: 'probe',
    summary: 'ask the probes of a plan once, now',
    load: async () => (await import('./probe.ts')).registerProbe,
  },
  {
    name: 'incident',
    summary: 'open, answer, note, close and review incidents',
    load: async () => (await import('./incident.ts')).registerIncident,
  },
  {
    name: 'service',
    summary: 'let systemd run a system from boot on',
    load: async () => (await import('./service.ts')).registerService,
  },
  {
    name: 'key',
    summary: 'lock and replace the key of the backups, keep an escrow copy',
    load: async () => (await import('./key.ts')).registerKey,
  },
  {
    name: 'standby',
    summary: 'make a second server, fail over to it, bring the old one back',
    load: async () => (await import('./standby.ts')).registerStandby,
  },
  {
    name: 'render',
    summary: 'write what other tools read, such as the lifecycle of a bucket',
    load: async () => (await import('./render.ts')).registerRender,
  },
  {
    name: 'ledger',
    summary: 'list the evidence, verify that nobody changed it',
    load: async () => (await import('./ledger.ts')).registerLedger,
  },
  {
    name: 'test',
    summary: "check and test Aval's own repository",
    load: async () => (await import('./test.ts')).registerTest,
  },
  {
    name: 'soak',
    summary: 'long runs: random kills, properties with many examples',
    load: async () => (await import('./soak.ts')).registerSoak,
  },
]

/**
 * Runs one command line.
 * @returns the exit code of a failure, undefined when the command returned.
 */
export async function runProgram(given: readonly string[], context: CommandContext): Promise<ExitCode | undefined> {
  // `help prove` and `prove --help` are one.
  const asked = given[0] === 'help' && given[1] !== undefined
  const argv = asked ? [...given.slice(1), '--help'] : given
  const program = new Command('aval')
    .description(
      'Takes the promises of an operations plan, runs the system, watches it, and proves every promise by carrying it out.',
    )
    .version(version(), '-V, --version', 'print the version')
    // What is wrong with a command line is told below, with its code and the command whose help says more.
    .configureOutput({ writeOut: context.out, writeErr: context.err, outputError: () => {} })
    .exitOverride()
    .addHelpText(
      'after',
      `
Start here:
  aval prove medtime     prove every promise of MedTime on a real Postgres, and write a report
  aval up medtime        run MedTime until Ctrl-C

Something is lost or damaged: docs/recovery.md

Exit codes: 0 all well, 1 refuted or failed, 2 the command line is wrong, 3 inconclusive, 130 stopped by a signal.`,
    )
  try {
    for (const { name, summary, load } of commands) {
      if (argv[0] === name) (await load())(program, context)
      else program.command(name).description(summary)
    }
    if (argv.length === 0) {
      program.outputHelp()
      return undefined
    }
    if (asked && !commands.some(({ name }) => name === argv[0])) {
      throw usage('help', `There is no command "${argv[0]}".`)
    }
    await tellForeignProject(argv, context)
    await program.parseAsync(argv, { from: 'user' })
    return undefined
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return undefined
      if (error.code === 'commander.help') {
        const known = commandOf(program, argv)
          .commands.map((command) => command.name())
          .join(', ')
        context.err(`${describeError(usage(nameOf(program, argv), `Say which: ${known}.`))}\n`)
        return 2
      }
      const problem = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
      const sentence = problem.endsWith('.') ? problem : `${problem}.`
      context.err(`${describeError(usage(nameOf(program, argv), sentence))}\n`)
      return 2
    }
    if (context.signal.aborted && error === context.signal.reason) {
      context.err(interrupted(nameOf(program, argv)))
      return 130
    }
    context.err(`${describeError(error)}\n`)
    if (process.env['AVAL_DEBUG'] !== undefined) keepDetails(error, context)
    return error instanceof AvalError ? error.exit : 1
  }
}

/** The command that was meant, as far as its words are known: `backup create`. Empty for none. */
function nameOf(program: Command, argv: readonly string[]): string {
  const words: string[] = []
  let at: Command | undefined = program
  for (const word of argv) {
    at = at.commands.find((command) => command.name() === word)
    if (!at) break
    words.push(word)
  }
  return words.join(' ')
}

/** The command that was meant, as far as its words are known; the program for none. */
function commandOf(program: Command, argv: readonly string[]): Command {
  let at = program
  for (const word of argv) {
    const next = at.commands.find((command) => command.name() === word)
    if (!next) break
    at = next
  }
  return at
}

/** Whoever stands in no project is told which one a command is about, before it does anything to it. */
async function tellForeignProject(argv: readonly string[], context: CommandContext): Promise<void> {
  if (argv[0] === 'test' || argv[0] === 'init' || argv.includes('--help') || argv.includes('-h')) return
  const project = await findProject(context.cwd, context.home).catch(() => undefined)
  const inside = project && `${context.cwd}/`.startsWith(`${project.root}/`)
  if (project && !inside) context.err(`There is no project here; this is about ${project.root}.\n`)
}

/** Stacks and causes go to a file of the person who asked for them, never to a screen or a shared log. */
function keepDetails(error: unknown, context: CommandContext): void {
  const folder = join(context.home, '.aval')
  mkdirSync(folder, { recursive: true })
  appendFileSync(join(folder, 'debug.log'), `${timestamp(context.clock.now())} ${inspect(error, { depth: 8 })}\n`, {
    mode: 0o600,
  })
}
