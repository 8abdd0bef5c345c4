import { relative } from 'node:path'
import type { Command } from 'commander'
import { failure } from '../errors.ts'
import { type LedgerEntry, openLedger } from '../ledger/ledger.ts'
import { inspectLedger, type KnownRecord } from '../ledger/verify.ts'
import { nearest } from '../plan/nearest.ts'
import { findProject } from '../project/find-project.ts'
import type { Project } from '../project/project.ts'
import { formatMeasured } from '../prove/report/figures.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { type Column, table } from './layout.ts'

export function registerLedger(program: Command, context: CommandContext): void {
  const ledger = program
    .command('ledger')
    .description('What was proven and when: list the evidence, verify the ledger.')
  registerList(ledger, context)
  registerVerify(ledger, context)
}

interface ListOptions {
  json?: boolean
  all?: boolean
  only?: string
  last?: string
}

function registerList(ledger: Command, context: CommandContext): void {
  ledger
    .command('list')
    .argument('[system]', 'the evidence of this system alone; of every system unless told')
    .option('--all', 'of every system')
    .option('--only <prefix>', 'only guarantees whose id begins with this')
    .option('--last <count>', 'only this many, the newest')
    .option('--json', 'one JSON array of { sequence, at, hash, evidence } and nothing else')
    .description('Lists the evidence in the ledger, oldest first.')
    .addHelpText(
      'after',
      `
Examples:
  aval ledger list medtime --only recovery --last 10
  aval ledger list --json

Exit codes: 0 listed, 1 the ledger was changed from outside, 2 the command line is wrong.`,
    )
    .action(async (system: string | undefined, options: ListOptions) => {
      if (system !== undefined && options.all) throw usage('ledger list', 'Name a system or give --all, not both.')
      const last = options.last === undefined ? Number.POSITIVE_INFINITY : Number(options.last)
      if (!(last >= 1) || (Number.isFinite(last) && !Number.isInteger(last))) {
        throw usage('ledger list', `--last takes a whole number from 1, not "${options.last}".`)
      }
      const project = await findProject(context.cwd, context.home)
      requireKnown(project, system, context)
      const entries = listed(project.state, context).filter(
        ({ evidence }) =>
          (system === undefined || evidence.system === system) && evidence.guarantee.startsWith(options.only ?? ''),
      )
      const shown = Number.isFinite(last) ? entries.slice(-last) : entries
      if (options.json) return printJson(context, shown)
      if (shown.length === 0) {
        const of = system === undefined ? '' : ` about ${system}`
        return context.out(`The ledger holds no evidence${of} yet. \`aval prove\` adds some.\n`)
      }
      context.out(`${table(columns, shown)}\n`)
    })
}

/** A name that is neither a system nor one the ledger has evidence of is a slip of the finger. */
function requireKnown(project: Project, system: string | undefined, context: CommandContext): void {
  if (system === undefined || project.systems.includes(system)) return
  const told = new Set(listed(project.state, context).map(({ evidence }) => evidence.system))
  if (told.has(system)) return
  const known = [...new Set([...project.systems, ...told])].sort()
  const close = nearest(system, known)
  throw failure('SYSTEM_NOT_FOUND', {
    name: system,
    known: known.join(', '),
    suggestion: close === undefined ? '' : `Did you mean "${close}"?`,
  })
}

interface VerifyOptions {
  json?: boolean
  known: KnownRecord[]
}

function registerVerify(ledger: Command, context: CommandContext): void {
  ledger
    .command('verify')
    .option(
      '--known <sequence:hash>',
      'a record noted earlier that must still be there; may be repeated',
      (text: string, before: KnownRecord[]) => [...before, parseKnown(text)],
      [],
    )
    .option('--json', 'one JSON array of { what, sequence, system, guarantee, at, message } and nothing else')
    .description('Checks every record by its signature, its neighbours and the signed head.')
    .addHelpText(
      'after',
      `
Examples:
  aval ledger verify
  aval ledger verify --known 412:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

Whoever holds keys/ledger.key could write the whole ledger anew, or put an older copy of all its files back. Note the last
record that this command prints somewhere else from time to time, and give it with --known.

Exit codes: 0 sound, 1 a record, the head or the key was changed, 2 the command line is wrong.`,
    )
    .action(async (options: VerifyOptions) => {
      const project = await findProject(context.cwd, context.home)
      const state = inspectLedger(project.state, options.known)
      if (state.problems.length > 0) context.exitWith(1)
      if (options.json) return printJson(context, state.problems)
      if (state.problems.length > 0) {
        const count = state.problems.length === 1 ? 'One problem' : `${state.problems.length} problems`
        const lines = state.problems.map(({ message }) => `  ${message}`)
        return context.out(
          `${count} in the ledger of ${project.root}:\n${lines.join('\n')}\nRestore ${where(project, 'ledger.*')} and ${where(project, 'keys/ledger.*')} from a copy, or move them away so that a new ledger begins.\n`,
        )
      }
      if (state.records === 0) return context.out('The ledger is empty. `aval prove` adds evidence.\n')
      context.out(
        `${state.records} records, each as it was signed, none missing.\nLast record: ${state.records}:${state.lastHash}\nKey: ${state.key}\n`,
      )
    })
}

function where(project: { root: string; state: string }, file: string): string {
  return `${relative(project.root, project.state)}/${file}`
}

function listed(state: string, context: CommandContext): LedgerEntry[] {
  const ledger = openLedger(state, context.clock)
  try {
    return ledger.all()
  } finally {
    ledger.close()
  }
}

function parseKnown(text: string): KnownRecord {
  const match = /^(\d+):([0-9a-f]{64})$/.exec(text)
  if (match?.[2] === undefined) {
    throw usage('ledger verify', `--known takes <number>:<hash of 64 hex digits>, not "${text}".`)
  }
  return { sequence: Number(match[1]), hash: match[2] }
}

const columns: readonly Column<LedgerEntry>[] = [
  { title: 'record', text: ({ sequence }) => String(sequence) },
  { title: 'written', text: ({ at }) => at.replace(/\.\d+Z$/, 'Z') },
  { title: 'system', text: ({ evidence }) => evidence.system },
  { title: 'guarantee', text: ({ evidence }) => evidence.guarantee },
  { title: 'verdict', text: ({ evidence }) => evidence.verdict },
  { title: 'measured', text: ({ evidence }) => formatMeasured(evidence) },
]
