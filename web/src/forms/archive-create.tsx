import { type FormEvent, useState } from 'react'
import { FormProblem } from '~/components/problem-view'
import { archiveName, FORMATS, type Format, pack } from '~/files/archive-calls'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { DialogFoot } from '~/ui/dialog'
import { Field, Input, Select } from '~/ui/field'
import { badName, join, nameOf } from '~/util/path'

const t = texts('archives')
const common = texts('common')

/** Asks how, and what the archive is called. */
export function ArchiveForm({
  server,
  folder,
  paths,
  onClose,
}: {
  server: string
  folder: string
  paths: string[]
  onClose: () => void
}) {
  const [format, setFormat] = useState<Format>('zip')
  const [name, setName] = useState(() => archiveName(paths.map(nameOf), nameOf(folder)))
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const bad = badName(name) ?? badName(`${name}.${format}`)
  async function submit(event: FormEvent) {
    event.preventDefault()
    if (bad || busy) return
    setBusy(true)
    setError(undefined)
    try {
      await pack(server, paths, format, join(folder, `${name}.${format}`))
      onClose()
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
    }
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field label={t('format')} note={t(`format.${NOTES[format]}`)}>
        {(ids) => (
          <Select {...ids} value={format} onChange={(event) => setFormat(event.target.value as Format)}>
            {FORMATS.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t('name')} error={bad} aside={<span className="mono text-12">.{format}</span>}>
        {(ids) => (
          <Input
            {...ids}
            code
            autoFocus
            spellCheck={false}
            autoComplete="off"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <FormProblem error={error} />
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={busy} off={bad ?? false}>
          {t('pack.verb')}
        </Button>
      </DialogFoot>
    </form>
  )
}

const NOTES = {
  zip: 'zip',
  'tar.gz': 'gz',
  'tar.zst': 'zst',
  'tar.xz': 'slow',
  'tar.bz2': 'slow',
  tar: 'tar',
  '7z': 'slow',
} as const satisfies Record<Format, string>
