import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../../random.ts'
import type { Store, StoredEntry } from '../../recovery/stores/store.ts'

/*
 * Damage to a store kept in a directory, made behind the engine's back: straight in the files, as a failing disk or an
 * intruder would.
 */

/** Keys of the objects under a prefix, in order. */
export async function keysOf(store: Store, prefix = ''): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys
}

/** The object under a prefix that takes most room: of a backup, files of the database. */
export async function largestObject(store: Store, prefix: string): Promise<string> {
  let largest: StoredEntry | undefined
  for await (const entry of store.list(prefix)) if (largest === undefined || entry.size > largest.size) largest = entry
  if (largest === undefined) throw new Error(`the store holds nothing under ${prefix}`)
  return largest.key
}

/** Removes a piece of WAL with another one after it, so that a hole is left and not a shorter history. */
export async function removeWalWithin(store: Store, storeDirectory: string): Promise<string> {
  const keys = [...(await keysOf(store, 'wal/')), ...(await keysOf(store, 'partial/'))]
  const victim = keys.at(-2)
  if (victim === undefined) throw new Error('the store holds too little WAL to remove some from its middle')
  await rm(join(storeDirectory, victim))
  return victim
}

/** Flips one bit of one byte of an object. */
export async function flipByte(storeDirectory: string, key: string, random: Random): Promise<void> {
  const file = join(storeDirectory, key)
  const bytes = await readFile(file)
  const position = random.int(bytes.length)
  bytes.writeUInt8(bytes.readUInt8(position) ^ (1 << random.int(8)), position)
  await writeFile(file, bytes)
}

/** Cuts the end of an object off, at least one byte. */
export async function truncate(storeDirectory: string, key: string, random: Random): Promise<void> {
  const file = join(storeDirectory, key)
  const bytes = await readFile(file)
  await writeFile(file, bytes.subarray(0, random.int(bytes.length)))
}

/** Puts each of two objects in the place of the other. */
export async function swap(storeDirectory: string, first: string, second: string): Promise<void> {
  const [a, b] = [join(storeDirectory, first), join(storeDirectory, second)]
  const [contentOfA, contentOfB] = await Promise.all([readFile(a), readFile(b)])
  await Promise.all([writeFile(a, contentOfB), writeFile(b, contentOfA)])
}
