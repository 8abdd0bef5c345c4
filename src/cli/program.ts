import { Command, CommanderError } from 'commander'
import { AvalError, describeError } from '../errors.ts'
import { registerCheck } from './check.ts'
import type { CommandContext, ExitCode, RegisterCommand } from './command.ts'
import { registerGuarantees } from './guarantees.ts'
import { registerLedger } from './ledger.ts'
import { registerMigrate } from './migrate.ts'
import { registerRequirements } from './requirements.ts'
import { registerTest } from './test.ts'
import { registerUp } from './up.ts'

const commands: RegisterCommand[] = [
  registerUp,
  registerCheck,
  registerGuarantees,
  registerRequirements,
  registerLedger,
  registerMigrate,
  registerTest,
]

/**
 * Runs one command line.
 * @returns the exit code of a failure, undefined when the command returned.
 */
export async function runProgram(argv: readonly string[], context: CommandContext): Promise<ExitCode | undefined> {
  const program = new Command('aval')
    .description(
      'Takes the promises of an operations plan, runs the system, watches it, and proves every promise by carrying it out.',
    )
    .configureOutput({ writeOut: context.out, writeErr: context.err })
    .exitOverride()
    .showHelpAfterError(false)
    .addHelpText(
      'after',
      `
Start here:
  aval prove medtime     prove every promise of MedTime on a real Postgres, and write a report
  aval up medtime        run MedTime until Ctrl-C

Exit codes: 0 all well, 1 refuted or failed, 2 the command line is wrong, 3 inconclusive.`,
    )
  for (const register of commands) register(program, context)
  if (argv.length === 0) {
    program.outputHelp()
    return undefined
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return undefined
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? undefined : 2
    context.err(`${describeError(error)}\n`)
    return error instanceof AvalError ? error.exit : 1
  }
}
