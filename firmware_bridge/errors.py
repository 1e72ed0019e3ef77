"""What can go wrong between a station and its devices. Each error is a sentence for a technician.

DeviceError
|- DeviceLost       the cable, the power, the network; the connection is opened anew
|- DeviceTimeout    the device was silent for too long
|- FrameError       bytes that are no frame of this device
|- DeviceRefused    the device answered that it will not, or cannot
|- TagGone          no tag answered; it says nothing about the tag's state
|- RfCommError      a tag answered and was not understood; it says nothing about the tag's state
|- TagError         the tag answered with an error
   |- TagLocked        a locked block, or a locked AFI
   |- TagWriteFailed   the tag says, or shows, that it was not written
"""

from wire.errors import DeviceError


class DeviceLost(DeviceError):
    """The connection to the device is gone."""


class DeviceTimeout(DeviceError):
    """The device did not answer in time."""


class FrameError(DeviceError):
    """Bytes arrived that are no frame, or a frame that answers something else."""


class DeviceRefused(DeviceError):
    """The device answered with an error of its own."""


class TagGone(DeviceError):
    """No tag answered. Whether a write reached it before it went is not known."""


class RfCommError(DeviceError):
    """The radio contact was disturbed. Whether a write reached the tag is not known."""


class TagError(DeviceError):
    """The tag answered with an ISO 15693 error code."""


class TagLocked(TagError):
    """The block or the AFI is locked; it will never be written again."""


class TagWriteFailed(TagError):
    """The tag was not written, or holds something else than was written."""
