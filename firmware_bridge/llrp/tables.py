"""The messages and parameters of LLRP that a gate needs, as tables.

A shape is one line: `name:kind` in the order of the standard. Kinds: `uN` and `sN` integers of N bits, `b`
one flag, `rN` reserved bits, `utf8` and `bytes` behind a 16-bit length, `bits` behind a 16-bit count of bits,
`u16s`, `u32s` arrays behind a 16-bit count, `xN` N plain bytes, `rest` what is left. Sub-parameters follow,
unless a `rest` takes all.

Sources: EPCglobal LLRP 1.0.1 and 1.1, §16 (messages), §17 (parameters), C1G2 binding §16/§17;
type numbers compared with recordings of real readers. Section numbers named in this package are unverified.
What is not in these tables is kept raw by the codec.
"""

MESSAGES: dict[int, tuple[str, str]] = {
    1: ("GET_READER_CAPABILITIES", "requested_data:u8"),
    2: ("GET_READER_CONFIG", "antenna_id:u16 requested_data:u8 gpi_port:u16 gpo_port:u16"),
    3: ("SET_READER_CONFIG", "reset_to_factory_default:b _:r7"),
    4: ("CLOSE_CONNECTION_RESPONSE", ""),
    11: ("GET_READER_CAPABILITIES_RESPONSE", ""),
    12: ("GET_READER_CONFIG_RESPONSE", ""),
    13: ("SET_READER_CONFIG_RESPONSE", ""),
    14: ("CLOSE_CONNECTION", ""),
    20: ("ADD_ROSPEC", ""),
    21: ("DELETE_ROSPEC", "rospec_id:u32"),
    22: ("START_ROSPEC", "rospec_id:u32"),
    23: ("STOP_ROSPEC", "rospec_id:u32"),
    24: ("ENABLE_ROSPEC", "rospec_id:u32"),
    25: ("DISABLE_ROSPEC", "rospec_id:u32"),
    26: ("GET_ROSPECS", ""),
    30: ("ADD_ROSPEC_RESPONSE", ""),
    31: ("DELETE_ROSPEC_RESPONSE", ""),
    32: ("START_ROSPEC_RESPONSE", ""),
    33: ("STOP_ROSPEC_RESPONSE", ""),
    34: ("ENABLE_ROSPEC_RESPONSE", ""),
    35: ("DISABLE_ROSPEC_RESPONSE", ""),
    36: ("GET_ROSPECS_RESPONSE", ""),
    40: ("ADD_ACCESSSPEC", ""),
    41: ("DELETE_ACCESSSPEC", "accessspec_id:u32"),
    42: ("ENABLE_ACCESSSPEC", "accessspec_id:u32"),
    43: ("DISABLE_ACCESSSPEC", "accessspec_id:u32"),
    44: ("GET_ACCESSSPECS", ""),
    46: ("GET_SUPPORTED_VERSION", ""),
    47: ("SET_PROTOCOL_VERSION", "protocol_version:u8"),
    50: ("ADD_ACCESSSPEC_RESPONSE", ""),
    51: ("DELETE_ACCESSSPEC_RESPONSE", ""),
    52: ("ENABLE_ACCESSSPEC_RESPONSE", ""),
    53: ("DISABLE_ACCESSSPEC_RESPONSE", ""),
    54: ("GET_ACCESSSPECS_RESPONSE", ""),
    56: ("GET_SUPPORTED_VERSION_RESPONSE", "current_version:u8 supported_version:u8"),
    57: ("SET_PROTOCOL_VERSION_RESPONSE", ""),
    60: ("GET_REPORT", ""),
    61: ("RO_ACCESS_REPORT", ""),
    62: ("KEEPALIVE", ""),
    63: ("READER_EVENT_NOTIFICATION", ""),
    64: ("ENABLE_EVENTS_AND_REPORTS", ""),
    72: ("KEEPALIVE_ACK", ""),
    100: ("ERROR_MESSAGE", ""),
    1023: ("CUSTOM_MESSAGE", "vendor_id:u32 message_subtype:u8 data:rest"),
}
"""Message type -> name and shape of its body."""

TV: dict[int, tuple[str, str]] = {
    1: ("AntennaID", "antenna_id:u16"),
    2: ("FirstSeenTimestampUTC", "microseconds:u64"),
    3: ("FirstSeenTimestampUptime", "microseconds:u64"),
    4: ("LastSeenTimestampUTC", "microseconds:u64"),
    5: ("LastSeenTimestampUptime", "microseconds:u64"),
    6: ("PeakRSSI", "peak_rssi:s8"),
    7: ("ChannelIndex", "channel_index:u16"),
    8: ("TagSeenCount", "tag_count:u16"),
    9: ("ROSpecID", "rospec_id:u32"),
    10: ("InventoryParameterSpecID", "inventory_parameter_spec_id:u16"),
    11: ("C1G2CRC", "crc:u16"),
    12: ("C1G2PC", "pc_bits:u16"),
    13: ("EPC-96", "epc:x12"),
    14: ("SpecIndex", "spec_index:u16"),
    15: ("ClientRequestOpSpecResult", "op_spec_id:u16"),
    16: ("AccessSpecID", "accessspec_id:u32"),
    17: ("OpSpecID", "op_spec_id:u16"),
    18: ("C1G2SingulationDetails", "collision_slots:u16 empty_slots:u16"),
    19: ("C1G2XPCW1", "xpc_w1:u16"),
    20: ("C1G2XPCW2", "xpc_w2:u16"),
}
"""Type of a parameter without a length -> name and shape; the first bit of it on the wire is 1."""

TLV: dict[int, tuple[str, str]] = {
    128: ("UTCTimestamp", "microseconds:u64"),
    129: ("Uptime", "microseconds:u64"),
    137: (
        "GeneralDeviceCapabilities",
        "max_antennas:u16 can_set_antenna_properties:b has_utc_clock:b _:r14 manufacturer:u32 model:u32 "
        "firmware:utf8",
    ),
    139: ("ReceiveSensitivityTableEntry", "index:u16 receive_sensitivity:u16"),
    140: ("PerAntennaAirProtocol", "antenna_id:u16 protocols:bytes"),
    141: ("GPIOCapabilities", "gpis:u16 gpos:u16"),
    142: (
        "LLRPCapabilities",
        "can_do_rf_survey:b can_report_buffer_fill_warning:b supports_client_request_op_spec:b "
        "can_do_tag_inventory_state_aware_singulation:b supports_event_and_report_holding:b _:r3 "
        "max_priority_level:u8 client_request_op_spec_timeout:u16 max_rospecs:u32 max_specs_per_rospec:u32 "
        "max_inventory_parameter_specs_per_aispec:u32 max_accessspecs:u32 max_op_specs_per_accessspec:u32",
    ),
    143: ("RegulatoryCapabilities", "country_code:u16 communications_standard:u16"),
    144: ("UHFBandCapabilities", ""),
    145: ("TransmitPowerLevelTableEntry", "index:u16 transmit_power:s16"),
    146: ("FrequencyInformation", "hopping:b _:r7"),
    147: ("FrequencyHopTable", "hop_table_id:u8 _:r8 frequencies:u32s"),
    148: ("FixedFrequencyTable", "frequencies:u32s"),
    149: ("PerAntennaReceiveSensitivityRange", "antenna_id:u16 index_min:u16 index_max:u16"),
    177: ("ROSpec", "rospec_id:u32 priority:u8 current_state:u8"),
    178: ("ROBoundarySpec", ""),
    179: ("ROSpecStartTrigger", "trigger_type:u8"),
    180: ("PeriodicTriggerValue", "offset:u32 period:u32"),
    181: ("GPITriggerValue", "gpi_port:u16 gpi_event:b _:r7 timeout:u32"),
    182: ("ROSpecStopTrigger", "trigger_type:u8 duration_ms:u32"),
    183: ("AISpec", "antenna_ids:u16s"),
    184: ("AISpecStopTrigger", "trigger_type:u8 duration_ms:u32"),
    185: ("TagObservationTrigger", "trigger_type:u8 _:r8 tags:u16 attempts:u16 t_ms:u16 timeout_ms:u32"),
    186: ("InventoryParameterSpec", "inventory_parameter_spec_id:u16 protocol:u8"),
    207: ("AccessSpec", "accessspec_id:u32 antenna_id:u16 protocol:u8 active:b _:r7 rospec_id:u32"),
    208: ("AccessSpecStopTrigger", "trigger_type:u8 operation_count:u16"),
    209: ("AccessCommand", ""),
    217: ("LLRPConfigurationStateValue", "value:u32"),
    218: ("Identification", "id_type:u8 reader_id:bytes"),
    219: ("GPOWriteData", "gpo_port:u16 gpo_data:b _:r7"),
    220: ("KeepaliveSpec", "trigger_type:u8 period_ms:u32"),
    221: ("AntennaProperties", "antenna_connected:b _:r7 antenna_id:u16 antenna_gain:s16"),
    222: ("AntennaConfiguration", "antenna_id:u16"),
    223: ("RFReceiver", "receiver_sensitivity:u16"),
    224: ("RFTransmitter", "hop_table_id:u16 channel_index:u16 transmit_power:u16"),
    225: ("GPIPortCurrentState", "gpi_port:u16 config:b _:r7 state:u8"),
    226: ("EventsAndReports", "hold_events_and_reports_upon_reconnect:b _:r7"),
    237: ("ROReportSpec", "trigger:u8 n:u16"),
    238: (
        "TagReportContentSelector",
        "rospec_id:b spec_index:b inventory_parameter_spec_id:b antenna_id:b channel_index:b peak_rssi:b "
        "first_seen:b last_seen:b tag_seen_count:b accessspec_id:b _:r6",
    ),
    239: ("AccessReportSpec", "trigger:u8"),
    240: ("TagReportData", ""),
    241: ("EPCData", "epc:bits"),
    244: ("ReaderEventNotificationSpec", ""),
    245: ("EventNotificationState", "event_type:u16 enabled:b _:r7"),
    246: ("ReaderEventNotificationData", ""),
    247: ("HoppingEvent", "hop_table_id:u16 next_channel_index:u16"),
    248: ("GPIEvent", "gpi_port:u16 gpi_event:b _:r7"),
    249: ("ROSpecEvent", "event_type:u8 rospec_id:u32 preempting_rospec_id:u32"),
    250: ("ReportBufferLevelWarningEvent", "percentage_full:u8"),
    251: ("ReportBufferOverflowErrorEvent", ""),
    252: ("ReaderExceptionEvent", "message:utf8"),
    254: ("AISpecEvent", "event_type:u8 rospec_id:u32 spec_index:u16"),
    255: ("AntennaEvent", "event_type:u8 antenna_id:u16"),
    256: ("ConnectionAttemptEvent", "status:u16"),
    257: ("ConnectionCloseEvent", ""),
    287: ("LLRPStatus", "status_code:u16 error_description:utf8"),
    288: ("FieldError", "field_num:u16 error_code:u16"),
    289: ("ParameterError", "parameter_type:u16 error_code:u16"),
    327: (
        "C1G2LLRPCapabilities",
        "can_support_block_erase:b can_support_block_write:b can_support_block_permalock:b "
        "can_support_tag_recommissioning:b can_support_umi_method_2:b can_support_xpc:b _:r2 "
        "max_select_filters_per_query:u16",
    ),
    328: ("UHFC1G2RFModeTable", ""),
    329: (
        "UHFC1G2RFModeTableEntry",
        "mode_id:u32 dr_value:b epc_hag_conformance:b _:r6 m_value:u8 forward_link_modulation:u8 "
        "spectral_mask:u8 bdr_value:u32 pie_value:u32 min_tari:u32 max_tari:u32 step_tari:u32",
    ),
    330: ("C1G2InventoryCommand", "tag_inventory_state_aware:b _:r7"),
    335: ("C1G2RFControl", "mode_index:u16 tari:u16"),
    336: ("C1G2SingulationControl", "session:u2 _:r6 tag_population:u16 tag_transit_time_ms:u32"),
    337: ("C1G2TagInventoryStateAwareSingulationAction", "i:b s:b s_all:b _:r5"),
    348: ("C1G2EPCMemorySelector", "enable_crc:b enable_pc_bits:b enable_xpc_bits:b _:r5"),
    363: ("MaximumReceiveSensitivity", "maximum_sensitivity:u16"),
    1023: ("Custom", "vendor_id:u32 subtype:u32 data:rest"),
}
"""Type of a parameter with a length -> name and shape."""

STATUS: dict[int, str] = {
    0: "M_Success",
    100: "M_ParameterError",
    101: "M_FieldError",
    102: "M_UnexpectedParameter",
    103: "M_MissingParameter",
    104: "M_DuplicateParameter",
    105: "M_OverflowParameter",
    106: "M_OverflowField",
    107: "M_UnknownParameter",
    108: "M_UnknownField",
    109: "M_UnsupportedMessage",
    110: "M_UnsupportedVersion",
    111: "M_UnsupportedParameter",
    112: "M_UnexpectedMessage",
    200: "P_ParameterError",
    201: "P_FieldError",
    300: "A_Invalid",
    301: "A_OutOfRange",
    401: "R_DeviceError",
}
"""LLRP §14.2.1 StatusCode; the P_ codes from 202 on repeat the M_ codes for parameters."""

CONNECTION: dict[int, str] = {
    0: "connected",
    1: "the reader already has a connection that it made itself",
    2: "another client is already connected to the reader",
    3: "the reader refuses the connection for a reason that it does not tell",
    4: "another client tried to connect to the reader",
}
"""LLRP §13.2.6.12 ConnectionAttemptEvent, in words."""

MAKES: dict[int, str] = {
    25882: "Impinj",
    161: "Motorola",
    10642: "Zebra",
    22695: "Alien",
    26554: "ThingMagic",
}
"""IANA private enterprise numbers of makers of UHF readers. All but Impinj's are unverified here."""
