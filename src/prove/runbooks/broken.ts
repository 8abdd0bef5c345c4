import type { Fault, FaultMutant } from '../prover.ts'
import type { Block } from './blocks.ts'

const breaks: FaultMutant['breaks'] = (guarantees) => guarantees.find(({ kind }) => kind === 'runbooks')

/** Breaks of a runbook that whoever proves runbooks must see, made in the text that is about to be run. */
export const runbookMutants: readonly FaultMutant[] = [
  {
    id: 'option-misspelt',
    fault: 'runbook-option-misspelt',
    description: 'A command of a runbook is given an option that it does not have',
    breaks,
    says: /ended with 2/,
  },
  {
    id: 'command-fails',
    fault: 'runbook-command-fails',
    description: 'A command of a runbook asks for a backup that is not there',
    breaks,
    says: /ended with [12]/,
  },
  {
    id: 'column-missing',
    fault: 'runbook-column-missing',
    description: 'A runbook asks the database for a column that is not there',
    breaks,
    says: /ended with 1/,
  },
  {
    id: 'variable-unnamed',
    fault: 'runbook-variable-unnamed',
    description: 'A runbook uses a variable that it names nowhere',
    breaks,
    says: /names nowhere/,
  },
  {
    id: 'runbook-emptied',
    fault: 'runbook-emptied',
    description: 'A runbook holds no command any more',
    breaks,
    says: /no command/,
  },
]

/** The blocks as they are, or as a fault makes them. */
export function withFault(blocks: Block[], faults: ReadonlySet<Fault>, system: string): Block[] {
  if (faults.has('runbook-emptied')) return []
  const lines: [Fault, string][] = [
    ['runbook-option-misspelt', `./aval guarantees ${system} --onyl runbooks`],
    ['runbook-command-fails', `./aval backup show ${system} 19700101T000000Z-absent`],
    ['runbook-column-missing', 'psql "$DB" -Xc "SELECT duraton FROM pg_stat_activity"'],
    ['runbook-variable-unnamed', 'echo "$DATABSE_URL"'],
  ]
  const text = lines.find(([fault]) => faults.has(fault))?.[1]
  if (text === undefined) return blocks
  return [{ line: 0, text, language: 'sh', role: undefined, elsewhere: false, given: undefined }, ...blocks]
}
