import { readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** How the folders of downloads of a process begin. */
export function downloadsOf(pid: number): string {
  return `medtime-catalog-${pid}-`
}

/** Removes what a process that was killed had downloaded. */
export async function clearLeftDownloads(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = /^medtime-catalog-(\d+)-/.exec(name)?.[1]
    if (pid === undefined || (Number(pid) !== process.pid && isAlive(Number(pid)))) continue
    await rm(join(tmpdir(), name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (thrown) {
    // Of another user: alive, and not ours to look after.
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM'
  }
}
