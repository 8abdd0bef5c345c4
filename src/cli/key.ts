import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { formatBytes } from '../plan/units.ts'
import { findProject } from '../project/find-project.ts'
import { rehearseEscrow } from '../recovery/restore/rehearse-escrow.ts'
import { serverForBackup } from '../recovery/restore/server-for-backup.ts'
import { repositoryDirectory, repositoryKeyFile } from '../run/archive.ts'
import { openKeyFile } from '../run/kept-keys.ts'
import { makeEscrowCopy } from '../secrets/escrow.ts'
import { escrowRecordFile, readEscrowRecord, recordEscrow } from '../secrets/escrow-record.ts'
import { holdersOf, readKeyFile, writeKeyFile } from '../secrets/key-file.ts'
import { formatRing, keyId, rotateRing } from '../secrets/key-ring.ts'
import { formatLocked, lockRing, replaceRing } from '../secrets/locked-key.ts'
import { readPassphrase, readUnlock, type UnlockFiles, unlockFiles } from '../secrets/unlock.ts'
import { chooseSystem } from './choose-systems.ts'
import { type CommandContext, printJson } from './command.ts'
import { openChosenStore, withPlaceOptions } from './repository-choice.ts'

interface Flags extends UnlockFiles {
  key?: string
  json?: true
}

const exits =
  'Exit codes: 0 done, 1 it failed and nothing was changed, 2 the command line is wrong or the key is locked.'

export function registerKey(program: Command, context: CommandContext): void {
  const key = program
    .command('key')
    .description('Who can open the backups: lock the repository key, replace it, keep and rehearse an escrow copy.')
    .addHelpText(
      'after',
      '\nExample:\n  aval key show medtime\n\ndocs/keys.md tells which way of keeping a key suits whom.',
    )

  options(key.command('show'))
    .description('Tells which keys a system has, what opens them, and which escrow copies were made. Never a key.')
    .option('--json', 'prints one JSON array')
    .addHelpText(
      'after',
      '\nExample:\n  aval key show medtime\n\nExit codes: 0 told, 1 there is no key, 2 the command line is wrong.',
    )
    .action((name: string | undefined, flags: Flags) => show(name, flags, context))

  options(key.command('lock'))
    .description('Locks the key, or changes who can open it. No backup is written anew.')
    .option('--new-passphrase-file <file>', 'a passphrase that shall open it, at least 14 characters')
    .option('--recipient <age1…>', 'an age recipient whose identity shall open it; may be repeated', gather)
    .addHelpText(
      'after',
      `\nExample:\n  aval key lock medtime --new-passphrase-file passphrase.txt --recipient age1...\n\nWho is not named can open it no longer. ${exits}`,
    )
    .action((name: string | undefined, flags: LockFlags) => lock(name, flags, context))

  options(key.command('rotate'))
    .description('Puts a new key before the present one. What is stored from now on opens with the new one alone.')
    .addHelpText(
      'after',
      `\nExample:\n  aval key rotate medtime\n  aval key rotate medtime --passphrase-file passphrase.txt\n\nA locked key has to be opened for it. Former keys stay in the file for as long as backups need them. Make a new escrow copy afterwards. ${exits}`,
    )
    .action((name: string | undefined, flags: Flags) => rotate(name, flags, context))

  options(key.command('escrow'))
    .description('Writes a copy of the key that age recipients can open, for the day on which nothing else is left.')
    .requiredOption('--to <file>', 'where the copy goes; carry it away from this machine and from the backups')
    .requiredOption('--recipient <age1…>', 'whose identity opens it; may be repeated', gather)
    .addHelpText(
      'after',
      `\nExample:\n  aval key escrow medtime --recipient age1... --to /media/usb/medtime.age\n\n${exits}`,
    )
    .action((name: string | undefined, flags: EscrowFlags) => escrow(name, flags, context))

  withPlaceOptions(options(key.command('rehearse')))
    .description('Restores the latest state with an escrow copy and nothing else, starts it, and removes it again.')
    .requiredOption('--copy <file>', 'the escrow copy')
    .option('--json', 'prints one JSON array')
    .addHelpText(
      'after',
      `\nExample:\n  aval key rehearse medtime --copy /media/usb/medtime.age --identity-file identity.txt\n\nExit codes: 0 it was restored and started, 1 it could not be, 2 the command line is wrong.`,
    )
    .action((name: string | undefined, flags: RehearseFlags) => rehearse(name, flags, context))
}

interface LockFlags extends Flags {
  newPassphraseFile?: string
  recipient?: string[]
}

interface EscrowFlags extends Flags {
  to: string
  recipient: string[]
}

interface RehearseFlags extends Flags {
  copy: string
  repository?: string
  store?: string
}

function gather(value: string, before: string[] = []): string[] {
  return [...before, value]
}

function options(command: Command): Command {
  return command
    .argument('[system]', 'name of the system')
    .option('--key <file>', "the key file; the development environment's own unless told")
    .option('--passphrase-file <file>', 'opens a locked key; AVAL_PASSPHRASE_FILE unless told')
    .option('--identity-file <file>', 'age identity that opens a locked key; AVAL_IDENTITY_FILE unless told')
}

/** The system a command is about, its key file, and what opens it. */
async function chosen(name: string | undefined, flags: Flags, context: CommandContext, command: string) {
  const project = await findProject(context.cwd, context.home)
  const system = chooseSystem(project, name, command)
  const file = flags.key === undefined ? repositoryKeyFile(project, system) : resolve(context.cwd, flags.key)
  const files: UnlockFiles = {
    ...(flags.passphraseFile === undefined ? {} : { passphraseFile: resolve(context.cwd, flags.passphraseFile) }),
    ...(flags.identityFile === undefined ? {} : { identityFile: resolve(context.cwd, flags.identityFile) }),
  }
  return { project, system, file, files }
}

async function show(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const { system, file } = await chosen(name, flags, context, 'key show')
  const found = await readKeyFile(file)
  const keys = found.kind === 'plain' ? found.ring.map(keyId) : found.kind === 'locked' ? found.locked.keys : []
  const opens = found.kind === 'plain' ? 'whoever can read the file' : holdersOf(found)
  const copies = (await readEscrowRecord(escrowRecordFile(file))).map((copy) => ({
    ...copy,
    holdsPresentKey: keys[0] !== undefined && copy.keys.includes(keys[0]),
  }))
  if (flags.json) return printJson(context, [{ system, file, kind: found.kind, keys, opens, escrow: copies }])
  const [present = 'known once it is opened', ...former] = keys
  const lines = [
    `${system}: key ${present} in ${file}`,
    ...(former.length === 0 ? [] : [`  before it: ${former.join(', ')}`]),
    `  opens with: ${opens}`,
    ...copies.map(
      (copy) =>
        `  escrow copy ${copy.file} of ${copy.madeAt}, ${copy.rehearsedAt ? `rehearsed ${copy.rehearsedAt}` : 'never rehearsed'}${copy.holdsPresentKey ? '' : '; it LACKS the present key: make a new one'}`,
    ),
    ...(copies.length === 0
      ? [`  No escrow copy was ever made: aval key escrow ${system} --recipient age1... --to <file>`]
      : []),
  ]
  context.out(`${lines.join('\n')}\n`)
}

async function lock(name: string | undefined, flags: LockFlags, context: CommandContext): Promise<void> {
  const { recipient: recipients = [] } = flags
  const { system, file, files } = await chosen(name, flags, context, 'key lock')
  if (flags.newPassphraseFile === undefined && recipients.length === 0) throw failure('KEY_NO_HOLDER', { file })
  const ring = await openKeyFile(file, false, files)
  const passphrase =
    flags.newPassphraseFile === undefined
      ? undefined
      : await readPassphrase(resolve(context.cwd, flags.newPassphraseFile))
  const locked = await lockRing(ring, system, { ...(passphrase ? { passphrase } : {}), recipients })
  await writeKeyFile(file, formatLocked(locked))
  context.out(`${system}: the key opens with ${holdersOf({ kind: 'locked', locked })}, and with nothing else.
  Backups and \`aval up\` now need it: set AVAL_PASSPHRASE_FILE or AVAL_IDENTITY_FILE for them.
  Copies of the former file still open as they did; remove them.\n`)
}

async function rotate(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const { system, file, files } = await chosen(name, flags, context, 'key rotate')
  const found = await readKeyFile(file)
  if (found.kind === 'escrow') throw failure('KEY_MALFORMED', { file })
  const ring = await openKeyFile(file, false, files)
  const next = rotateRing(ring)
  if (found.kind === 'plain') await writeKeyFile(file, formatRing(next))
  else {
    const replaced = await replaceRing(found.locked, await readUnlock(unlockFiles(files, process.env)), () => next)
    if (!replaced) throw failure('KEY_UNLOCK_FAILED', { file, holders: holdersOf(found) })
    await writeKeyFile(file, formatLocked(replaced))
  }
  context.out(`${system}: key ${keyId(next[0])} seals what is stored from now on; ${keyId(ring[0])} still opens what it sealed.
  A running \`aval up\` takes it at its next start. Escrow copies lack it: aval key escrow ${system} --recipient age1... --to <file>\n`)
}

async function escrow(name: string | undefined, flags: EscrowFlags, context: CommandContext): Promise<void> {
  const { project, system, file, files } = await chosen(name, flags, context, 'key escrow')
  const to = resolve(context.cwd, flags.to)
  const place = repositoryDirectory(project, system)
  if (to.startsWith(`${place}/`)) throw failure('KEY_BESIDE_BACKUPS', { file: to, place })
  if (existsSync(to)) throw failure('KEY_ESCROW_EXISTS', { file: to })
  const ring = await openKeyFile(file, false, files)
  await writeKeyFile(to, await makeEscrowCopy(ring, flags.recipient))
  const madeAt = timestamp(context.clock.now())
  const keys = ring.map(keyId)
  await recordEscrow(escrowRecordFile(file), { file: to, madeAt, keys, recipients: flags.recipient, rehearsedAt: null })
  context.out(`${system}: ${to} holds key ${keys[0]} for ${flags.recipient.length === 1 ? 'one recipient' : `${flags.recipient.length} recipients, each alone`}.
  Carry it away from this machine and from the backups, then rehearse it:
  aval key rehearse ${system} --copy ${to} --identity-file <file>\n`)
}

async function rehearse(name: string | undefined, flags: RehearseFlags, context: CommandContext): Promise<void> {
  const { project, system, file, files } = await chosen(name, flags, context, 'key rehearse')
  const copy = resolve(context.cwd, flags.copy)
  if (!existsSync(copy)) throw failure('KEY_COPY_MISSING', { file: copy })
  const found = await readKeyFile(copy)
  if (found.kind !== 'escrow') throw failure('KEY_MALFORMED', { file: copy })
  const { identities = [] } = await readUnlock(unlockFiles(files, process.env))
  if (identities.length === 0) throw failure('KEY_LOCKED', { file: copy, holders: holdersOf(found) })
  const done = await rehearseEscrow({
    store: await openChosenStore(project, system, flags, context, false),
    system,
    copy: await readFile(copy, 'utf8'),
    file: copy,
    identities,
    binaries: ({ postgres }) => serverForBackup({ engine: 'native', postgres }),
    clock: context.clock,
    signal: context.signal,
  })
  const record = escrowRecordFile(file)
  const known = (await readEscrowRecord(record)).find((each) => each.file === copy)
  if (known) await recordEscrow(record, { ...known, rehearsedAt: timestamp(context.clock.now()) })
  if (flags.json) return printJson(context, [{ system, copy, ...done }])
  context.out(
    `${system}: restored from backup ${done.backup} with ${copy} alone, ${formatBytes(done.bytes)}, started, asked and removed again in ${readableMs(done.tookMs)}.\n`,
  )
}
