import { extname, join } from 'node:path'

/** The program that this command line is, whoever loaded this module. */
export const mainProgram = join(import.meta.dirname, `main${extname(import.meta.filename)}`)
