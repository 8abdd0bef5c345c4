import { rename, writeFile } from 'node:fs/promises'

/** Puts a file in the place of the one before: whoever reads meanwhile sees one of them whole. */
export async function replaceFile(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content)
  await rename(`${file}.new`, file)
}
