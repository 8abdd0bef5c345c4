/*
 * What is left of a command that Ctrl-C ended, in the words a person needs at that moment: whether something was kept, and whether giving the
 * command again goes on or begins anew. Looked up by the words of the command, the longest first.
 */

const again = 'Give the command again; it begins anew.'

const left: Readonly<Record<string, string>> = {
  prove: 'What was proven until then is in the ledger; give the command again for the rest.',
  up: 'The data is kept; the next start goes on with it.',
  'migrate up': 'Migrations that were applied until then stay applied; give the command again for the rest.',
  backup: `Nothing was changed. ${again}`,
  'backup create': `Nothing of the backup counts: what was stored of it is removed, at the latest by the next one. ${again}`,
  'backup copy': 'What was copied until then is kept; give the command again to go on.',
  'backup prune': 'What was removed until then is gone; give the command again to finish, backups half removed first.',
  'backup verify': `Nothing was changed, and nothing was found out. ${again}`,
  snapshot: `Nothing of the snapshot counts: what was stored of it is removed, at the latest by the next backup. ${again}`,
  restore: `What was written was removed again, and no data in use was touched. ${again}`,
  extract: `Rows go into a database in one transaction, which was undone; the scratch restore was removed. ${again}`,
  repair: `A table is exchanged in one transaction, or left as it was. ${again}`,
  erase: 'An erasure that is on record and not done is finished when the same command is given again.',
  'key rehearse': `The scratch restore was removed; the rehearsal does not count. ${again}`,
  standby: 'What a running `aval up` was asked for goes on there: see `aval standby status`.',
}

/** What to print when the command with these words (`backup create`) was interrupted. */
export function interrupted(words: string): string {
  const parts = words.split(' ')
  for (let length = parts.length; length > 0; length--) {
    const says = left[parts.slice(0, length).join(' ')]
    if (says !== undefined) return `Stopped. ${says}\n`
  }
  return `Stopped before its end. ${again}\n`
}
