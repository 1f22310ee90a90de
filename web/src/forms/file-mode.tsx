import { type FormEvent, useState } from 'react'
import { FormProblem } from '~/components/problem-view'
import { modeOf, modeText, octal } from '~/files/kinds'
import { texts } from '~/i18n/texts'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { nameOf } from '~/util/path'
import { visible } from '~/util/visible'

const t = texts('file_dialogs')
const common = texts('common')

interface Props {
  paths: readonly string[]
  /** Of the first; the others take it too. */
  mode: number
  onClose: () => void
  onMode: (mode: number) => Promise<void>
}

/** Who may read, write and run: as a grid, and as the number that people know by heart. */
export function ModeDialog({ open, ...props }: Props & { open: boolean }) {
  const { paths, onClose } = props
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={t('mode.title', { n: paths.length, name: visible(nameOf(paths[0] ?? '')) })}
    >
      {open && <ModeForm {...props} />}
    </Dialog>
  )
}

const WHO = ['owner', 'group', 'others'] as const
const WHAT = ['read', 'write', 'run'] as const

function ModeForm({ mode, onClose, onMode }: Props) {
  const [text, setText] = useState(octal(mode & 0o777).slice(1))
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const now = modeOf(text)
  const bad = now === undefined || now > 0o777
  async function submit(event: FormEvent) {
    event.preventDefault()
    if (bad || busy) return
    setBusy(true)
    setError(undefined)
    try {
      await onMode(now)
      onClose()
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
    }
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <table className="w-full">
        <thead>
          <tr className="text-12 text-t3">
            <td />
            {WHAT.map((what) => (
              <th key={what} scope="col" className="h-8 text-left font-normal">
                {t(`mode.${what}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {WHO.map((who, row) => (
            <tr key={who}>
              <th scope="row" className="text-left font-normal text-t2">
                {t(`mode.${who}`)}
              </th>
              {WHAT.map((what, column) => {
                const bit = 1 << (8 - row * 3 - column)
                return (
                  <td key={what} className="h-9">
                    <Checkbox
                      aria-label={`${t(`mode.${who}`)}: ${t(`mode.${what}`)}`}
                      checked={((now ?? 0) & bit) !== 0}
                      onChange={() => setText(octal((now ?? 0) ^ bit).slice(1))}
                    />
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <Field label={t('mode.number')} error={bad ? t('mode.bad') : undefined} help={bad ? '' : modeText(now)}>
        {(ids) => (
          <Input
            {...ids}
            code
            inputMode="numeric"
            autoComplete="off"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <p className="text-12 text-t3">{t('mode.note')}</p>
      <FormProblem error={error} />
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={busy}>
          {t('mode.verb')}
        </Button>
      </DialogFoot>
    </form>
  )
}
