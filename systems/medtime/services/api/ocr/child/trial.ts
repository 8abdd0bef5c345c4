import { writeSync } from 'node:fs'
import { recognise } from '../../../../client/ocr/recognise.ts'
import { drawText } from '../drawn-text.ts'
import { greyPng } from '../grey-png.ts'
import { escapes } from './attempts.ts'
import { parts } from './parts.ts'

/*
 * Tries, behind the walls, to get out of them, and to read a drawn prescription. Writes what went wrong, one name to a line; nothing
 * when all went well.
 */

const wrong = await escapes()
const drawn = drawText(['Paracetamol 500 mg tabletas', 'tomar 1 tableta cada 8 horas por 7 dias'])
const { medicines } = await recognise(greyPng(drawn), parts)
const [medicine] = medicines
if (
  medicines.length !== 1 ||
  medicine?.strength?.text !== '500 mg' ||
  medicine.dose?.text !== '1 tableta' ||
  medicine.frequency?.text !== 'cada 8 horas' ||
  medicine.duration?.text !== 'por 7 dias'
) {
  wrong.push('reading')
}
writeSync(1, wrong.map((name) => `${name}\n`).join(''))
process.exit(0)
