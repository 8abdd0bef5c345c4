import { existsSync } from 'node:fs'
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { failure } from '../errors.ts'
import { runToEnd } from '../process.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { repositoryKeyFile } from '../run/archive.ts'
import { systemdUnit, unitName } from '../schedule/systemd-unit.ts'
import { loadKeyRing, readKeyFile } from '../secrets/key-file.ts'
import { readUnlock, type UnlockFiles } from '../secrets/unlock.ts'
import { chooseSystem } from './choose-systems.ts'
import type { CommandContext } from './command.ts'

interface Flags {
  print?: true
  directory?: string
  account?: string
  passphraseFile?: string
  identityFile?: string
}

export function registerService(program: Command, context: CommandContext): void {
  const service = program.command('service').description('Lets systemd run a system from boot on.')
  service
    .command('install')
    .argument('[system]', 'name of the system')
    .option('--print', 'prints the unit and writes nothing')
    .option('--directory <directory>', 'where units lie; /etc/systemd/system as root, else ~/.config/systemd/user')
    .option('--account <name>', 'as root: the account that runs it; root unless told')
    .option('--passphrase-file <file>', 'opens a locked key; systemd hands it over and nobody else sees it')
    .option('--identity-file <file>', 'age identity that opens a locked key')
    .description('Writes a systemd unit that runs `aval up` after every start of the machine.')
    .addHelpText(
      'after',
      `
Example:
  aval service install medtime
  systemctl daemon-reload && systemctl enable --now aval-medtime

While the key of the backups is locked the service needs what opens it, or it does not start:
  aval service install medtime --passphrase-file /root/medtime.passphrase

Exit codes: 0 written and taken by systemd-analyze, 1 it could not be, 2 the command line is wrong or the key is locked.`,
    )
    .action((name: string | undefined, flags: Flags) => install(name, flags, context))
}

async function install(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const project = await findProject(context.cwd, context.home)
  const only = chooseSystem(project, name, 'service install')
  const system = await loadSystem(project, only)
  const files = {
    ...(flags.passphraseFile === undefined ? {} : { passphraseFile: resolve(context.cwd, flags.passphraseFile) }),
    ...(flags.identityFile === undefined ? {} : { identityFile: resolve(context.cwd, flags.identityFile) }),
  }
  await requireOpens(repositoryKeyFile(project, only), files)
  const isRoot = process.getuid?.() === 0
  const unit = systemdUnit({
    system: only,
    title: system.plan.title ?? only,
    launcher: join(context.home, 'aval'),
    project: project.root,
    account: isRoot ? (flags.account ?? userInfo().username) : undefined,
    credentials: { passphrase: files.passphraseFile, identity: files.identityFile },
  })
  if (flags.print) return context.out(unit)
  const standard = isRoot ? '/etc/systemd/system' : join(homedir(), '.config', 'systemd', 'user')
  const directory = flags.directory === undefined ? standard : resolve(context.cwd, flags.directory)
  const file = join(directory, unitName(only))
  // systemd-analyze judges a unit by its name, so that the draft lies in a folder of its own.
  const drafts = join(directory, `.aval-${process.pid}`)
  const draft = join(drafts, unitName(only))
  await mkdir(drafts, { recursive: true }).catch((cause: unknown) => {
    throw failure('SERVICE_DIRECTORY', { directory }, { cause })
  })
  try {
    await writeFile(draft, unit)
    await chmod(draft, 0o644)
    const verified = await verifyUnit(draft)
    await rename(draft, file)
    const manager = isRoot ? 'systemctl' : 'systemctl --user'
    context.out(`${only}: ${file} is written${verified ? '' : ' (systemd-analyze is not installed here; it was not checked)'}.
  Start it now and after every boot:  ${manager} daemon-reload && ${manager} enable --now ${unitName(only)}
  See what it says:                   journalctl ${isRoot ? '' : '--user '}-u ${unitName(only)} -f
${isRoot ? '' : `  Let it run while nobody is logged in: loginctl enable-linger ${userInfo().username}\n`}`)
  } finally {
    await rm(drafts, { recursive: true, force: true })
  }
}

/**
 * A unit that cannot open a locked key would not start the system after a boot, when nobody looks. What the environment of this command
 * names does not count: the service does not have it.
 * @throws KEY_LOCKED, KEY_UNLOCK_FAILED, KEY_UNLOCK_FILE
 */
async function requireOpens(keyFile: string, files: UnlockFiles): Promise<void> {
  if (!existsSync(keyFile)) return
  const { kind } = await readKeyFile(keyFile)
  if (kind !== 'plain') await loadKeyRing(keyFile, await readUnlock(files))
}

/** @returns false when there is no systemd-analyze to ask. @throws SERVICE_UNIT_REFUSED */
async function verifyUnit(file: string): Promise<boolean> {
  try {
    const { code, stderr } = await runToEnd({ program: 'systemd-analyze', args: ['verify', '--man=no', file] })
    if (code !== 0) throw failure('SERVICE_UNIT_REFUSED', { problem: stderr.trim().split('\n').at(-1) ?? '' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'PROCESS_NOT_FOUND') return false
    throw error
  }
}
