import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { markAlive, processMark } from '../process.ts'

/*
 * A service that is stopped keeps its port, and between choosing a port and listening on it lies the start of a process. Two
 * Avals must not choose the same meanwhile: the service of one would answer for the other. A lease is a file that names its
 * owner; of several that want one port only one can make it. A lease whose owner died is void.
 */

const folder = '/tmp/aval-ports'
const ownerSchema = z.object({ pid: z.int().positive(), started: z.string().nullable() })

const own = new Set<number>()

/**
 * Takes the lease of a port for as long as this process lives; asking again for one it has is granted.
 * @returns false when another living process has it.
 */
export function leasePort(port: number): boolean {
  if (own.has(port)) return true
  mkdirSync(folder, { recursive: true })
  try {
    // Every account of the machine leases here; the sticky bit keeps one from removing another's.
    chmodSync(folder, 0o1777)
  } catch {
    // Made by another account, which has done so.
  }
  const file = leaseFile(port)
  if (!take(file) && !(removeVoid(file) && take(file))) return false
  if (own.size === 0) process.on('exit', releaseAll)
  own.add(port)
  return true
}

function releaseAll(): void {
  for (const port of own) rmSync(leaseFile(port), { force: true })
}

function leaseFile(port: number): string {
  return join(folder, String(port))
}

function take(file: string): boolean {
  try {
    const descriptor = openSync(file, 'wx', 0o644)
    writeSync(descriptor, JSON.stringify(processMark(process.pid)))
    closeSync(descriptor)
    return true
  } catch {
    return false
  }
}

/** Moves a lease of a dead owner aside: of several that find it only one succeeds, and a new lease is never removed. */
function removeVoid(file: string): boolean {
  if (isHeld(file)) return false
  const aside = `${file}.void-${process.pid}`
  try {
    renameSync(file, aside)
  } catch {
    return false
  }
  if (isHeld(aside)) {
    // Somebody leased it anew between the two looks; it is theirs.
    renameSync(aside, file)
    return false
  }
  rmSync(aside, { force: true })
  return true
}

function isHeld(file: string): boolean {
  try {
    const owner = ownerSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')))
    return owner.success && markAlive(owner.data)
  } catch {
    // Being written just now, or gone: whoever is faster has it.
    return true
  }
}
