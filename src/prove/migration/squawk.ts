import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { messageOf } from '../../errors.ts'
import type { Migration } from '../../postgres/migrations/migration.ts'
import { runToEnd } from '../../process.ts'

/** What squawk says of a statement. */
export interface Warning {
  migration: string
  line: number
  rule: string
  message: string
}

/** Its rules about who has to wait. What else it says is of taste, or of programs that use the schema. */
const rulesOfBlocking: ReadonlySet<string> = new Set([
  'adding-foreign-key-constraint',
  'adding-field-with-default',
  'adding-not-nullable-field',
  'adding-required-field',
  'adding-serial-primary-key-field',
  'changing-column-type',
  'constraint-missing-not-valid',
  'disallowed-unique-constraint',
  'require-concurrent-index-creation',
  'require-concurrent-index-deletion',
  'require-concurrent-partition-detach',
  'require-concurrent-reindex',
])

const report = z.array(z.object({ file: z.string(), line: z.int(), rule_name: z.string(), message: z.string() }))

/**
 * Has squawk read the files as they are and says what of them may block.
 * @returns undefined, with the reason, where it cannot be run on this machine
 */
export async function squawk(
  migrations: readonly Migration[],
): Promise<{ warnings: Warning[] } | { unavailable: string }> {
  const byFile = new Map(migrations.map((migration) => [migration.file, migration]))
  try {
    const program = fileURLToPath(import.meta.resolve('squawk-cli/js/bin/squawk'))
    const { stdout, stderr, code } = await runToEnd({
      program: process.execPath,
      // As files are run here: a table that the same transaction makes has nobody who waits.
      args: [program, '--reporter', 'json', '--assume-in-transaction', ...byFile.keys()],
      cwd: import.meta.dirname,
      env: { PATH: process.env['PATH'] ?? '' },
    })
    if (stdout.trim() === '') {
      if (code === 0) return { warnings: [] }
      return { unavailable: stderr.trim().split('\n').at(-1) ?? `it ended with ${code}` }
    }
    const warnings = report.parse(JSON.parse(stdout)).flatMap(({ file, line, rule_name: rule, message }) => {
      const migration = byFile.get(file)
      return migration === undefined || !rulesOfBlocking.has(rule)
        ? []
        : [{ migration: migration.name, line: line + 1, rule, message }]
    })
    return { warnings }
  } catch (error) {
    return { unavailable: messageOf(error) }
  }
}
