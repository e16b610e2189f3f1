//! What has been reviewed: asyncio's functions and classes, and the fingerprints of their variants.
//!
//! `python -m conformance.reviewed` tells what an interpreter has and the table has not; with
//! `--write` it adds that, which is to be done after reading what has changed.

use super::Unit;

/// What a function or class uses that a native does without calling it.
pub(super) const LEANS_ON: &[(Unit, &[Unit])] = &[
    (
        ("asyncio.futures", "_chain_future"),
        &[
            ("asyncio.futures", "_copy_future_state"),
            ("asyncio.futures", "_get_loop"),
        ],
    ),
    (
        ("asyncio.locks", "_ContextManagerMixin"),
        &[
            ("asyncio.locks", "BoundedSemaphore"),
            ("asyncio.locks", "Condition"),
            ("asyncio.locks", "Lock"),
            ("asyncio.locks", "Semaphore"),
        ],
    ),
    (
        ("asyncio.locks", "Barrier"),
        &[
            ("asyncio.locks", "Condition"),
            ("asyncio.mixins", "_LoopBoundMixin"),
        ],
    ),
    (
        ("asyncio.locks", "BoundedSemaphore"),
        &[("asyncio.locks", "Semaphore")],
    ),
    (
        ("asyncio.locks", "Condition"),
        &[
            ("asyncio.locks", "Lock"),
            ("asyncio.mixins", "_LoopBoundMixin"),
        ],
    ),
    (
        ("asyncio.locks", "Event"),
        &[("asyncio.mixins", "_LoopBoundMixin")],
    ),
    (
        ("asyncio.locks", "Lock"),
        &[("asyncio.mixins", "_LoopBoundMixin")],
    ),
    (
        ("asyncio.locks", "Semaphore"),
        &[("asyncio.mixins", "_LoopBoundMixin")],
    ),
    (
        ("asyncio.queues", "LifoQueue"),
        &[("asyncio.queues", "Queue")],
    ),
    (
        ("asyncio.queues", "PriorityQueue"),
        &[("asyncio.queues", "Queue")],
    ),
    (
        ("asyncio.queues", "Queue"),
        &[("asyncio.mixins", "_LoopBoundMixin")],
    ),
    (
        ("asyncio.tasks", "as_completed"),
        &[
            ("asyncio.tasks", "_AsCompletedIterator"),
            ("asyncio.tasks", "ensure_future"),
            ("asyncio.queues", "Queue"),
        ],
    ),
    (
        ("asyncio.tasks", "ensure_future"),
        &[
            ("asyncio.tasks", "_ensure_future"),
            ("asyncio.tasks", "_wrap_awaitable"),
        ],
    ),
    (
        ("asyncio.tasks", "gather"),
        &[
            ("asyncio.tasks", "_GatheringFuture"),
            ("asyncio.tasks", "ensure_future"),
        ],
    ),
    (
        ("asyncio.tasks", "run_coroutine_threadsafe"),
        &[
            ("asyncio.futures", "_chain_future"),
            ("asyncio.futures", "_copy_future_state"),
            ("asyncio.futures", "_set_concurrent_future_state"),
            ("asyncio.tasks", "ensure_future"),
        ],
    ),
    (
        ("asyncio.tasks", "shield"),
        &[
            ("asyncio.futures", "_get_loop"),
            ("asyncio.tasks", "ensure_future"),
        ],
    ),
    (
        ("asyncio.tasks", "wait"),
        &[
            ("asyncio.tasks", "_release_waiter"),
            ("asyncio.tasks", "_wait"),
        ],
    ),
    (
        ("asyncio.tasks", "wait_for"),
        &[
            ("asyncio.tasks", "_cancel_and_wait"),
            ("asyncio.tasks", "_release_waiter"),
            ("asyncio.tasks", "ensure_future"),
            ("asyncio.timeouts", "Timeout"),
            ("asyncio.timeouts", "timeout"),
        ],
    ),
    (
        ("asyncio.timeouts", "timeout"),
        &[("asyncio.timeouts", "Timeout")],
    ),
    (
        ("asyncio.timeouts", "timeout_at"),
        &[("asyncio.timeouts", "Timeout")],
    ),
];

/// The fingerprints, each with the versions that it was met in.
pub(super) const REVIEWED: &[(Unit, &[u64])] = &[
    (
        ("asyncio.futures", "_chain_future"),
        &[
            0x6c9d_fb68_e583_c068, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x619b_568a_2271_bfdb, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0xf7d1_3209_c14e_8ac1, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x73e3_7019_a018_31ca, // 3.12.1 -OO, 3.12.7 -OO
            0x7d7e_fc53_9053_84b9, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0x6be6_a869_439e_f457, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.futures", "_convert_future_exc"),
        &[
            0xa3ba_d06e_e4ab_53ff, // 3.11.2, 3.11.2 -O, 3.11.2 -OO, 3.11.7, 3.11.7 -O, 3.11.7 -OO, 3.11.3, 3.11.3 -O, 3.11.3 -OO
            0x9c90_cd33_2a4f_39ec, // 3.12.1, 3.12.1 -O, 3.12.1 -OO, 3.12.7, 3.12.7 -O, 3.12.7 -OO
            0xa8b9_1d03_0a95_4dba, // 3.13.0, 3.13.0 -O, 3.13.0 -OO, 3.13.2, 3.13.2 -O, 3.13.2 -OO, 3.13.5, 3.13.5 -O, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.futures", "_copy_future_state"),
        &[
            0xec13_32e7_3538_472b, // 3.11.2, 3.11.7, 3.11.3
            0xb82a_5810_76fa_0b9c, // 3.11.2 -O, 3.11.7 -O, 3.11.3 -O
            0xbf88_6d93_d04c_92c3, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0xd1cc_3d82_80db_021c, // 3.12.1, 3.12.7
            0x50b7_1687_9e64_4c48, // 3.12.1 -O, 3.12.7 -O
            0x3176_f56f_f0e8_7c7b, // 3.12.1 -OO, 3.12.7 -OO
            0x564b_53eb_8bea_9545, // 3.13.0, 3.13.2, 3.13.5
            0x7557_77ff_6484_9699, // 3.13.0 -O, 3.13.2 -O, 3.13.5 -O
            0xfa87_a870_73a1_2745, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.futures", "_get_loop"),
        &[
            0xdf19_2605_327b_09fd, // 3.11.2, 3.11.2 -O, 3.11.2 -OO, 3.11.7, 3.11.7 -O, 3.11.7 -OO, 3.11.3, 3.11.3 -O, 3.11.3 -OO
            0x5f73_b3a8_26f7_b8d2, // 3.12.1, 3.12.1 -O, 3.12.1 -OO, 3.12.7, 3.12.7 -O, 3.12.7 -OO
            0x02a6_4bef_9edd_1ca2, // 3.13.0, 3.13.0 -O, 3.13.0 -OO, 3.13.2, 3.13.2 -O, 3.13.2 -OO, 3.13.5, 3.13.5 -O, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.futures", "_set_concurrent_future_state"),
        &[
            0xc386_8ba5_2acb_88fd, // 3.11.2, 3.11.7, 3.11.3
            0xd0c3_0759_c0a5_82b4, // 3.11.2 -O, 3.11.7 -O, 3.11.3 -O
            0x8d2d_354a_1f82_2dbc, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x3e68_c681_91ef_5db0, // 3.12.1, 3.12.7
            0xa04f_6fbc_b4d1_1891, // 3.12.1 -O, 3.12.7 -O
            0xd3ee_fd4a_ec33_1305, // 3.12.1 -OO, 3.12.7 -OO
            0x8150_d6f9_5714_27c3, // 3.13.0, 3.13.2, 3.13.5
            0x9628_ad24_f46f_3b0a, // 3.13.0 -O, 3.13.2 -O, 3.13.5 -O
            0xb26d_6c6c_ebaf_e3bd, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.locks", "Barrier"),
        &[
            0x6cf2_0e93_ad0c_f993, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x8bac_2dd6_f33d_e0fd, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x583f_e224_3329_dc44, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x273f_8b4b_5c43_ca01, // 3.12.1 -OO, 3.12.7 -OO
            0x614b_df98_5bc9_a043, // 3.13.0, 3.13.0 -O
            0x5cb4_ce83_bf5a_756e, // 3.13.0 -OO
            0x2a17_0461_5473_b353, // 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0xef4c_51e2_d99c_26d0, // 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.locks", "BoundedSemaphore"),
        &[
            0x88e5_aa5f_4115_d075, // 3.11.2, 3.11.2 -O, 3.11.2 -OO, 3.11.7, 3.11.7 -O, 3.11.7 -OO, 3.11.3, 3.11.3 -O, 3.11.3 -OO
            0x897c_66e5_8fd3_2f47, // 3.12.1, 3.12.1 -O, 3.12.1 -OO, 3.12.7, 3.12.7 -O, 3.12.7 -OO
            0x81e2_9e02_788c_d22b, // 3.13.0, 3.13.0 -O, 3.13.0 -OO, 3.13.2, 3.13.2 -O, 3.13.2 -OO, 3.13.5, 3.13.5 -O, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.locks", "Condition"),
        &[
            0x52ee_cc7f_6878_1327, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x58ac_8835_5730_8dd4, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x5a7e_6aa6_40ae_1603, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x7218_cadd_1b74_5891, // 3.12.1 -OO, 3.12.7 -OO
            0x21bf_192e_b599_0fb1, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0x732d_a336_466d_3448, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.locks", "Event"),
        &[
            0x0369_d98e_0b42_e974, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0xe7f5_f1a9_54a5_97e9, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x6f47_46e0_082b_3732, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0xfb8f_a786_ede0_ac36, // 3.12.1 -OO, 3.12.7 -OO
            0xe31c_f955_120f_5dc8, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0x4148_1008_5cd9_93aa, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.locks", "Lock"),
        &[
            0xc547_e875_1f87_b1c1, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0xdffc_c9c0_4fd8_dda6, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0xa85c_064d_7666_7d97, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x1114_1e81_e94a_27fd, // 3.12.1 -OO, 3.12.7 -OO
            0x4860_2a29_e2d1_4e31, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O
            0x89d7_c6db_cd4b_9997, // 3.13.0 -OO, 3.13.2 -OO
            0xc837_1d08_78c4_9245, // 3.13.5, 3.13.5 -O
            0x236b_0ef0_50f1_5dfa, // 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.locks", "Semaphore"),
        &[
            0xef25_b486_cb83_10ff, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x9a79_f9ac_76be_4a61, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0xa324_3c34_3555_0796, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0xecc5_743c_8f95_a690, // 3.12.1 -OO, 3.12.7 -OO
            0xcab1_633d_15be_b85f, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O
            0xbc5c_33c8_a214_fdd3, // 3.13.0 -OO, 3.13.2 -OO
            0xf798_8e3e_e320_f354, // 3.13.5, 3.13.5 -O
            0x7130_365e_7396_e45d, // 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.locks", "_ContextManagerMixin"),
        &[
            0x59c3_be95_432a_7e80, // 3.11.2, 3.11.2 -O, 3.11.2 -OO, 3.11.7, 3.11.7 -O, 3.11.7 -OO, 3.11.3, 3.11.3 -O, 3.11.3 -OO
            0x0a3e_4925_9c70_8d6c, // 3.12.1, 3.12.1 -O, 3.12.1 -OO, 3.12.7, 3.12.7 -O, 3.12.7 -OO
            0x2e76_3220_ac3e_6d4c, // 3.13.0, 3.13.0 -O, 3.13.0 -OO, 3.13.2, 3.13.2 -O, 3.13.2 -OO, 3.13.5, 3.13.5 -O, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.mixins", "_LoopBoundMixin"),
        &[
            0xe884_7110_b9b2_b47b, // 3.11.2, 3.11.2 -O, 3.11.2 -OO, 3.11.7, 3.11.7 -O, 3.11.7 -OO, 3.11.3, 3.11.3 -O, 3.11.3 -OO
            0xd2ed_2ef4_db58_17c0, // 3.12.1, 3.12.1 -O, 3.12.1 -OO, 3.12.7, 3.12.7 -O, 3.12.7 -OO
            0x1876_6a8c_2b25_d4fe, // 3.13.0, 3.13.0 -O, 3.13.0 -OO, 3.13.2, 3.13.2 -O, 3.13.2 -OO, 3.13.5, 3.13.5 -O, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.queues", "LifoQueue"),
        &[
            0xf191_ddf1_f2c0_addd, // 3.11.2, 3.11.2 -O, 3.11.2 -OO, 3.11.7, 3.11.7 -O, 3.11.7 -OO, 3.11.3, 3.11.3 -O, 3.11.3 -OO
            0xcdbf_e13e_5faa_e050, // 3.12.1, 3.12.1 -O, 3.12.1 -OO, 3.12.7, 3.12.7 -O, 3.12.7 -OO
            0xd52e_e90c_ee13_3468, // 3.13.0, 3.13.0 -O, 3.13.0 -OO, 3.13.2, 3.13.2 -O, 3.13.2 -OO, 3.13.5, 3.13.5 -O, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.queues", "PriorityQueue"),
        &[
            0x675a_c23f_482d_1b4f, // 3.11.2, 3.11.2 -O, 3.11.2 -OO, 3.11.7, 3.11.7 -O, 3.11.7 -OO, 3.11.3, 3.11.3 -O, 3.11.3 -OO
            0xd451_51e8_ba3c_918d, // 3.12.1, 3.12.1 -O, 3.12.1 -OO, 3.12.7, 3.12.7 -O, 3.12.7 -OO
            0x5eb7_95dc_848c_35e9, // 3.13.0, 3.13.0 -O, 3.13.0 -OO, 3.13.2, 3.13.2 -O, 3.13.2 -OO, 3.13.5, 3.13.5 -O, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.queues", "Queue"),
        &[
            0xf665_d036_323e_11e9, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x353b_8e60_e1c0_ef66, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x60d2_2ff5_cc2f_8498, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x336a_ebb0_b0a0_594f, // 3.12.1 -OO, 3.12.7 -OO
            0xf433_7d1d_c7a5_0645, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0xbe5f_29dc_efe3_79c5, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.taskgroups", "TaskGroup"),
        &[
            0x942d_3215_2ea2_c648, // 3.11.2
            0x5ba6_a50e_ed8e_8b2e, // 3.11.2 -O, 3.11.2 -OO
            0x44f5_9779_bb3d_417e, // 3.11.3
            0x7203_6f4d_3bbd_0a9c, // 3.11.3 -O
            0xf184_2d98_483e_771f, // 3.11.3 -OO
            0x943e_85a7_98e4_5ff9, // 3.11.7
            0x6af5_9647_5c5c_3be7, // 3.11.7 -O
            0x77ea_c195_40c6_2434, // 3.11.7 -OO
            0x5871_67ab_0fe9_07b3, // 3.12.1, 3.12.7
            0x0185_cbf6_b16e_1b68, // 3.12.1 -O, 3.12.7 -O
            0x65d2_6b75_3399_25c7, // 3.12.1 -OO, 3.12.7 -OO
            0xe2d0_484d_dd27_c77b, // 3.13.0
            0x2cf6_0d3b_702c_edbd, // 3.13.0 -O
            0xa488_e6d7_fe33_d7c2, // 3.13.0 -OO
            0x18c0_97ac_b5b4_145f, // 3.13.2, 3.13.5
            0x1421_c556_3161_b2d7, // 3.13.2 -O, 3.13.5 -O
            0x5608_f1d5_7077_0358, // 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "_AsCompletedIterator"),
        &[
            0x5118_8506_7970_699f, // 3.13.0, 3.13.2
            0xfdec_628c_beb4_b532, // 3.13.0 -O, 3.13.0 -OO, 3.13.2 -O, 3.13.2 -OO
            0x89d6_95fd_1989_7726, // 3.13.5
            0xf24e_345c_4fca_02c3, // 3.13.5 -O, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "_GatheringFuture"),
        &[
            0x24f8_9fc4_5708_9ddd, // 3.11.2, 3.11.7, 3.11.3
            0x93be_3772_f6b9_c3f9, // 3.11.2 -O, 3.11.2 -OO, 3.11.7 -O, 3.11.7 -OO, 3.11.3 -O, 3.11.3 -OO
            0x8e06_c98b_43c5_a1ab, // 3.12.1, 3.12.7
            0x9893_84a2_ba7f_da36, // 3.12.1 -O, 3.12.1 -OO, 3.12.7 -O, 3.12.7 -OO
            0x2404_a764_3840_5cd8, // 3.13.0, 3.13.2, 3.13.5
            0x0ecc_0c50_762a_b4c1, // 3.13.0 -O, 3.13.0 -OO, 3.13.2 -O, 3.13.2 -OO, 3.13.5 -O, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "_cancel_and_wait"),
        &[
            0xba7b_d9fa_9d92_4a66, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0xa37c_91be_1621_2d39, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x0c74_a0d2_46e6_f863, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x3826_d1ea_d0f4_5130, // 3.12.1 -OO, 3.12.7 -OO
            0x11d4_c62a_1750_da3c, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0x3233_5b11_65cd_8368, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "_ensure_future"),
        &[
            0x14d3_198e_6a3e_5546, // 3.11.2, 3.11.2 -O, 3.11.2 -OO, 3.11.7, 3.11.7 -O, 3.11.7 -OO, 3.11.3, 3.11.3 -O, 3.11.3 -OO
        ],
    ),
    (
        ("asyncio.tasks", "_release_waiter"),
        &[
            0x9a59_b683_433b_16d3, // 3.11.2, 3.11.2 -O, 3.11.2 -OO, 3.11.7, 3.11.7 -O, 3.11.7 -OO, 3.11.3, 3.11.3 -O, 3.11.3 -OO
            0x2f1a_e852_895a_37be, // 3.12.1, 3.12.1 -O, 3.12.1 -OO, 3.12.7, 3.12.7 -O, 3.12.7 -OO
            0x2217_b961_1a94_4cf3, // 3.13.0, 3.13.0 -O, 3.13.0 -OO, 3.13.2, 3.13.2 -O, 3.13.2 -OO, 3.13.5, 3.13.5 -O, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "_wait"),
        &[
            0x629b_2692_d27c_1d87, // 3.11.2, 3.11.7, 3.11.3
            0x2197_e934_e433_4138, // 3.11.2 -O, 3.11.7 -O, 3.11.3 -O
            0xfa5d_cd2c_2e0e_fb3c, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x7adb_005e_756d_46df, // 3.12.1, 3.12.7
            0xbce3_0fec_d008_951b, // 3.12.1 -O, 3.12.7 -O
            0x9c38_b327_768e_a185, // 3.12.1 -OO, 3.12.7 -OO
            0xbcb2_65b5_337e_6fa2, // 3.13.0, 3.13.2, 3.13.5
            0x2d0a_53e7_304f_37d9, // 3.13.0 -O, 3.13.2 -O, 3.13.5 -O
            0x5c23_e369_d534_72d6, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "_wrap_awaitable"),
        &[
            0x7e70_3340_a9d8_f313, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0xd0b6_c7af_c73b_b337, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
        ],
    ),
    (
        ("asyncio.tasks", "as_completed"),
        &[
            0xacdc_6466_39f2_798c, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0xa815_c745_276b_a230, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x0a7b_da23_1003_334b, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x29c1_13ab_283e_19cb, // 3.12.1 -OO, 3.12.7 -OO
            0x3cc6_8bdd_cfc5_f5e7, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0x58f0_26e7_80c8_9cc3, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "create_task"),
        &[
            0x3aa1_b89b_a1d6_ac5d, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x571c_90cd_dbc1_f51b, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x627e_b381_18a4_9722, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x78e2_902b_3a59_ff5b, // 3.12.1 -OO, 3.12.7 -OO
            0x2d1c_5bfa_d94c_b333, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0xe3a3_add4_4ad0_613f, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "ensure_future"),
        &[
            0x5ead_0ce5_58c4_bd76, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x7415_a5da_1a47_eafd, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0xbfc1_86e1_cd69_688c, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x25c8_f24b_320d_f845, // 3.12.1 -OO, 3.12.7 -OO
            0x11de_93cd_ced4_fc5c, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0xe510_a370_b209_79d0, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "gather"),
        &[
            0x5300_e5a3_1817_b709, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x765e_cc2d_9dcf_b50e, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0xa662_bbe3_64ac_d00d, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0xcc7f_b15b_4e68_bee2, // 3.12.1 -OO, 3.12.7 -OO
            0x19f2_376c_f8f8_69e7, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0x1c15_bd66_fa51_7e85, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "run_coroutine_threadsafe"),
        &[
            0xd3b8_5ae3_6152_ad03, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x70f9_bd92_4ff6_623a, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x927e_5ee2_a223_f0b1, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x7a44_bfe5_ee6d_8018, // 3.12.1 -OO, 3.12.7 -OO
            0x5843_0732_fddb_d0d5, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0x1660_24a8_c29e_a999, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "shield"),
        &[
            0x8d42_5f8c_2aa3_4c2e, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x7b75_d013_d138_1bcd, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x880b_3b89_dffd_0973, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0xbc43_e7c4_490d_b648, // 3.12.1 -OO, 3.12.7 -OO
            0xd0b2_03f7_d3f4_1855, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0x340b_9e1d_adc7_0611, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "sleep"),
        &[
            0xd0bf_1416_da00_6b13, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x140e_26c3_a5c1_0066, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0xf00e_da5b_7dcc_b9e0, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x04b4_0c8a_33ed_6a97, // 3.12.1 -OO, 3.12.7 -OO
            0x7d30_7766_7063_ebe5, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0x7f93_0f00_4a53_ec76, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "wait"),
        &[
            0x2aea_366f_9741_9512, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0xc297_0ce7_7862_2cf1, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x9b31_2007_a432_e903, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x33b0_2927_9df8_3500, // 3.12.1 -OO, 3.12.7 -OO
            0x41cf_4ecd_2c5e_3fa4, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O
            0xa9a8_e18b_c21f_70b6, // 3.13.0 -OO, 3.13.2 -OO
            0x7046_6120_9f7c_d8d6, // 3.13.5, 3.13.5 -O
            0xdab5_e93d_255c_0cfc, // 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.tasks", "wait_for"),
        &[
            0x12e0_5d30_d27b_b136, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x817e_6479_1dc2_1d12, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x7e87_f96e_f33d_d643, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x1ce9_5ad3_3478_1f0b, // 3.12.1 -OO, 3.12.7 -OO
            0x450c_e165_90ec_1daf, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0xc028_442d_d6de_0c66, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.timeouts", "Timeout"),
        &[
            0x2d6a_532c_8086_4201, // 3.11.2
            0x2fb6_0126_faac_6ef1, // 3.11.2 -O
            0x52f5_819d_0f43_c05e, // 3.11.2 -OO
            0xe9e2_9d39_5f96_d072, // 3.11.3
            0x5e94_7897_c355_dea6, // 3.11.3 -O
            0xc56b_b407_9d7b_1769, // 3.11.3 -OO
            0x3a60_7b5f_5bcc_a16e, // 3.11.7
            0x9053_b122_70d3_2df3, // 3.11.7 -O
            0xbeb7_636e_1cd5_b68a, // 3.11.7 -OO
            0xc0fa_0712_9ce6_4f48, // 3.12.1, 3.12.7
            0x319f_9822_65da_9373, // 3.12.1 -O, 3.12.7 -O
            0x5958_0522_84dd_de61, // 3.12.1 -OO, 3.12.7 -OO
            0xd28d_fd1e_dce5_296f, // 3.13.0, 3.13.2, 3.13.5
            0x06bb_29af_2d75_72c6, // 3.13.0 -O, 3.13.2 -O, 3.13.5 -O
            0xc760_b5c7_bd79_6714, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.timeouts", "timeout"),
        &[
            0x1970_5b85_17d0_2efa, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0xc30f_213e_df2c_27ca, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0xcb69_07fa_d707_9d14, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0xb361_0dd6_831c_a904, // 3.12.1 -OO, 3.12.7 -OO
            0xd592_3c83_1594_5012, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0xde4b_390c_bd80_4bd9, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
    (
        ("asyncio.timeouts", "timeout_at"),
        &[
            0x6f42_fa8d_a446_36cf, // 3.11.2, 3.11.2 -O, 3.11.7, 3.11.7 -O, 3.11.3, 3.11.3 -O
            0x9834_c29e_2167_8818, // 3.11.2 -OO, 3.11.7 -OO, 3.11.3 -OO
            0x2d31_ee4f_8be0_310e, // 3.12.1, 3.12.1 -O, 3.12.7, 3.12.7 -O
            0x2c22_b384_5ac9_5f91, // 3.12.1 -OO, 3.12.7 -OO
            0xfe2b_8381_d468_5b33, // 3.13.0, 3.13.0 -O, 3.13.2, 3.13.2 -O, 3.13.5, 3.13.5 -O
            0x5d86_9e2e_1c84_9327, // 3.13.0 -OO, 3.13.2 -OO, 3.13.5 -OO
        ],
    ),
];
