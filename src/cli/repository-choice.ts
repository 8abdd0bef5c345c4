import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { failure } from '../errors.ts'
import type { Project } from '../project/project.ts'
import { directoryStore } from '../recovery/directory-store.ts'
import { openRepository, type Repository } from '../recovery/repository.ts'
import { openKeyFile, repositoryDirectory, repositoryKeyFile } from '../run/archive.ts'
import type { UnlockFiles } from '../secrets/unlock.ts'
import type { CommandContext } from './command.ts'

export interface RepositoryFlags extends UnlockFiles {
  repository?: string
  key?: string
}

/** The options that name another repository than the development environment's own. */
export function withRepositoryOptions(command: Command): Command {
  return command
    .option('--repository <directory>', "the repository; the development environment's own unless told")
    .option('--key <file>', 'the file with its key, or an escrow copy of it')
    .option('--passphrase-file <file>', 'opens a locked key; AVAL_PASSPHRASE_FILE unless told')
    .option(
      '--identity-file <file>',
      'age identity that opens a locked key or an escrow copy; AVAL_IDENTITY_FILE unless told',
    )
}

/**
 * Opens the repository a command means.
 * @param create makes repository and key when there are none; a command that only reads must not.
 */
export async function openChosen(
  project: Project,
  system: string,
  flags: RepositoryFlags,
  context: CommandContext,
  create: boolean,
): Promise<Repository> {
  const directory =
    flags.repository === undefined ? repositoryDirectory(project, system) : resolve(context.cwd, flags.repository)
  const keyFile = flags.key === undefined ? repositoryKeyFile(project, system) : resolve(context.cwd, flags.key)
  const store = directoryStore(directory)
  // Neither key nor repository: nothing was lost, nothing was ever made.
  if (!create && !existsSync(keyFile) && !existsSync(directory))
    throw failure('REPOSITORY_ABSENT', { place: store.place, system })
  if (keyFile.startsWith(`${directory}/`)) throw failure('KEY_BESIDE_BACKUPS', { file: keyFile, place: directory })
  const key = await openKeyFile(keyFile, create, {
    ...(flags.passphraseFile === undefined ? {} : { passphraseFile: resolve(context.cwd, flags.passphraseFile) }),
    ...(flags.identityFile === undefined ? {} : { identityFile: resolve(context.cwd, flags.identityFile) }),
  })
  return openRepository({ store, key, system, create })
}
