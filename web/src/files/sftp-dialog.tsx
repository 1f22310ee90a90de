import SftpFacts from '~/components/sftp-facts'
import { texts } from '~/i18n/texts'
import { Dialog } from '~/ui/dialog'

const t = texts('sftp')

/** SFTP where people look for it: beside the files. */
export default function SftpDialog({
  server,
  open,
  onClose,
}: {
  server: string
  open: boolean
  onClose: () => void
}) {
  return (
    <Dialog open={open} onClose={onClose} title={t('title')} note={t('note')} width="md">
      <SftpFacts server={server} />
    </Dialog>
  )
}
