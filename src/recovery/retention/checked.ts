import { z } from 'zod'
import { dumpLayout } from '../logical/dump-layout.ts'
import { layout, parseKey } from '../repository/layout.ts'
import { once, type Repository, readJson } from '../repository/repository.ts'
import type { VerifyReport } from '../repository/verify.ts'

const checkedSchema = z.strictObject({
  /** Milliseconds since the epoch. */
  at: z.number(),
  sound: z.boolean(),
})

export type Checked = z.infer<typeof checkedSchema>

/** Writes down what a verification found of each backup, for whoever decides what may go. */
export async function noteChecked(repository: Repository, report: VerifyReport, at: number): Promise<void> {
  // Who brought too few keys has judged no backup.
  if (report.problems.some(({ kind }) => kind === 'other-key')) return
  for (const { id, sound } of report.backups) {
    // Not for one that is gone: a note would be all there is of it.
    const { store } = repository
    if (!(await store.stat(layout.backup(id))) && !(await store.stat(dumpLayout.dump(id)))) continue
    const text = JSON.stringify({ at, sound } satisfies Checked)
    await repository.put(layout.checked(id), once(Buffer.from(text)), { replace: true })
  }
}

/** What the last verification of each backup found, by id. */
export async function readChecked(repository: Repository): Promise<Map<string, Checked>> {
  const checked = new Map<string, Checked>()
  for await (const { key } of repository.store.list(layout.checks)) {
    const parsed = parseKey(key, 2 ** 24)
    if (parsed?.kind === 'checked') checked.set(parsed.id, await readJson(repository, key, checkedSchema))
  }
  return checked
}
