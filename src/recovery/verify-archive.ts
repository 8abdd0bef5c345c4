import { createHash } from 'node:crypto'
import type { ManifestFile } from './backup-manifest.ts'
import type { Repository } from './repository.ts'
import { readTar } from './tar-reader.ts'

/** Every file of an archive against its manifest; without the manifest only that the archive is genuine. */
export async function checkArchive(
  repository: Repository,
  key: string,
  manifest: ManifestFile[] | undefined,
): Promise<void> {
  const { text } = await repository.read(key)
  const wanted = new Map(manifest?.map((file) => [file.path, file]))
  for await (const entry of readTar(text, key)) {
    const hash = createHash('sha256')
    for await (const part of entry.content) hash.update(part)
    if (entry.type === 'directory' || !manifest) continue
    const path = entry.name.replace(/^\.\//, '')
    const file = wanted.get(path)
    if (!file || file.bytes !== entry.bytes || file.sha256 !== hash.digest('hex')) {
      throw new Error(`${path} in it is not what the manifest says.`)
    }
    wanted.delete(path)
  }
  for (const path of wanted.keys()) throw new Error(`It lacks ${path}, which the manifest names.`)
}
