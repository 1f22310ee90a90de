import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { DialogFoot } from '~/ui/dialog'
import { visible } from '~/util/visible'

const t = texts('people')

/** Where an invitation went, in the place of a first password. */
export function InvitationSent({ email, onClose }: { email: string; onClose: () => void }) {
  return (
    <>
      <p role="status" className="[overflow-wrap:anywhere]">
        {t.rich('invited.sent', { email: <bdi className="font-medium">{visible(email)}</bdi> })}
      </p>
      <p className="mt-2 text-t2">{t('invited.note')}</p>
      <DialogFoot>
        <Button onClick={onClose}>{t('invited.done')}</Button>
      </DialogFoot>
    </>
  )
}
