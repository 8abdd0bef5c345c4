import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { failure } from '../errors.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project } from '../project/project.ts'
import { openRepository, type Repository } from '../recovery/repository/repository.ts'
import { directoryStore } from '../recovery/stores/directory-store.ts'
import { openStoreAt } from '../recovery/stores/open-store.ts'
import type { Store } from '../recovery/stores/store.ts'
import { holdFor, openStoreOf, repositoryDirectory, repositoryKeyFile } from '../run/archive.ts'
import { openKeyFile } from '../run/kept-keys.ts'
import type { UnlockFiles } from '../secrets/unlock.ts'
import { type CommandContext, usage } from './command.ts'

export interface RepositoryFlags extends UnlockFiles {
  repository?: string
  store?: string
  key?: string
}

/** The options that name another repository than the development environment's own. */
export function withRepositoryOptions(command: Command): Command {
  return withKeyOptions(withPlaceOptions(command))
}

/** The options that say where a repository is. */
export function withPlaceOptions(command: Command): Command {
  return command
    .option('--repository <place>', 'the repository: a directory, or s3://bucket/prefix?region=...&endpoint=...')
    .option('--store <name>', 'a store of the plan; primary unless told')
}

/** The options that say with which key a repository is opened. */
export function withKeyOptions(command: Command): Command {
  return command
    .option('--key <file>', 'the file with its key, or an escrow copy of it')
    .option('--passphrase-file <file>', 'opens a locked key; AVAL_PASSPHRASE_FILE unless told')
    .option(
      '--identity-file <file>',
      'age identity that opens a locked key or an escrow copy; AVAL_IDENTITY_FILE unless told',
    )
}

/**
 * Opens the repository a command means.
 * @param create makes repository and key when there are none, and takes the right to write to it; a command that only reads must not.
 * @throws REPOSITORY_HELD, REPOSITORY_ABSENT, KEY_BESIDE_BACKUPS, and what `openRepository` and `openPlanStore` throw.
 */
export async function openChosen(
  project: Project,
  system: string,
  flags: RepositoryFlags,
  context: CommandContext,
  create: boolean,
): Promise<Repository> {
  const keyFile = flags.key === undefined ? repositoryKeyFile(project, system) : resolve(context.cwd, flags.key)
  const store = await openChosenStore(project, system, flags, context, create)
  if (!isBucket(store)) {
    // Neither key nor repository: nothing was lost, nothing was ever made.
    if (!create && !existsSync(keyFile) && !existsSync(store.place))
      throw failure('REPOSITORY_ABSENT', { place: store.place, system })
    if (keyFile.startsWith(`${store.place}/`))
      throw failure('KEY_BESIDE_BACKUPS', { file: keyFile, place: store.place })
  }
  const key = await openKeyFile(keyFile, create, {
    ...(flags.passphraseFile === undefined ? {} : { passphraseFile: resolve(context.cwd, flags.passphraseFile) }),
    ...(flags.identityFile === undefined ? {} : { identityFile: resolve(context.cwd, flags.identityFile) }),
  })
  const repository = await openRepository({ store, key, system, create })
  if (!create) return repository
  const held = await holdFor(project, repository, {
    clock: context.clock,
    ...(flags.repository === undefined ? { store: flags.store ?? 'primary' } : {}),
  })
  return held.repository
}

/** The store a command means: one of the plan by its name, or a place of its own. */
export async function openChosenStore(
  project: Project,
  system: string,
  flags: Pick<RepositoryFlags, 'repository' | 'store'>,
  context: CommandContext,
  write: boolean,
): Promise<Store> {
  const { clock } = context
  if (flags.repository !== undefined) {
    if (flags.store !== undefined) throw usage('backup', '--repository and --store name two places; give one of them.')
    const { repository: text } = flags
    return openStoreAt({ text, origin: '--repository', directory: context.cwd, variables: process.env, clock, write })
  }
  const name = flags.store ?? 'primary'
  const loaded = await loadSystem(project, system).catch((error: unknown) => {
    // A plan that is broken must not stand between a person and the backups beside it.
    const directory = repositoryDirectory(project, system)
    if (name === 'primary' && existsSync(directory)) return directoryStore(directory)
    throw error
  })
  return 'plan' in loaded ? openStoreOf(project, loaded, name, { clock, write }) : loaded
}

/**
 * Whether WAL that a dead receiver left on this machine belongs into the repository a command reads. A copy lacks what lies between,
 * and WAL behind a hole would keep it from being restored to its end.
 */
export function takesSpool({ store }: RepositoryFlags): boolean {
  return store === undefined || store === 'primary'
}

function isBucket(store: Store): boolean {
  return store.place.startsWith('s3:')
}
