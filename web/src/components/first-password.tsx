import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { CommandBox } from '~/ui/copy-box'
import { DialogFoot } from '~/ui/dialog'

const t = texts('people')

/** A made-up password, the one time that it is shown. */
export function FirstPassword({
  username,
  password,
  onClose,
}: {
  username: string
  password: string
  onClose: () => void
}) {
  return (
    <>
      <CommandBox text={password} label={t('first.password')} primary />
      <p className="mt-2 text-t2">{t('first.note', { name: username })}</p>
      <DialogFoot>
        <Button onClick={onClose}>{t('first.have_it')}</Button>
      </DialogFoot>
    </>
  )
}
