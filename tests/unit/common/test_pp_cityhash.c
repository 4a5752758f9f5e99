#include "pp_cityhash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

/*
 * The sums are those of the PyPI package clickhouse-cityhash 1.0.2.6, which
 * has the original code of CityHash 1.0.2, of the first so many noise() bytes;
 * as they stand in a frame: the low half first, each little-endian.
 */
static const char *const short_sums[] = {
    "2b9ac064fc9df03d291ee592c340b53c", "35cb458e18a1b57b3bf5e8762a3f1bbe",
    "d8f3d055e8c22242db73907513907a46", "503c47e78c118b37928ffa36ed0e3cb7",
    "084c9242b0d08c0a752e634c04fed61c", "350c4993ff3f24f4ecc2b07d489c6da5",
    "c356813489afd264eddc7e99b6115153", "ca5edc39d5ebc44253a2ddd41fb7d7e9",
    "1d95a028ec6a45de67b0257dab1e1978", "a9069e2c92d6b2fda80b10795d3dfe42",
    "1d74990d7d9992c6c2e15c4fc2182330", "f8d51b3b43f33553c26a2a45c9c3605e",
    "ccaaa4a8ee7f34e068f39cfbefaf2d04", "aa2365be5d03cb5ad4ca3ab168cbf9f8",
    "d9ca28c058fadd1adcfcde7109667e5b", "7fe8d8c2665d89bbb0a9eac9d513bdb5",
    "80be769599a690a3d38ad76bce784a91", "c09101a08e2c850b2176b2c84e1226ac",
    "f73d0a170b3e42abf6832c5541b89a45", "e6cf20086e388e5a1e6b64324bd9e87e",
    "78ebb601749dfa38ae0a1e18546d127b", "0fef1e79205dd5bd386d5cb2e307aa78",
    "420fe5a63c5dc21bbd66d944edf79f06", "3b2572acd34c231662901ca436ba3146",
    "c29b29bb187bcb135eab929bcf4bf4a2", "3cdd55a28955ece8a96854c583a33e14",
    "d2c61252c5ec4ae85f725fdcb3ae53cc", "5e57eb15fe57acaf59d17bb48145fb6d",
    "96bad8b7757ae74a23b8264cca903764", "41c3629a6b7e25c864eac168b5f1149b",
    "d0d466cf4d55ad4da16acf12dcb7e5f8", "9d2e6673f7a4b10746f613ecff625936",
    "421d4b0e2ca37ac7324b926b5eb7451b", "d5ab630099443f2f38d8e612bbe13347",
    "2af3b3a05338eb2196d23fe6146cce7f", "f3da2b687ffb66f412258c86c1f51d01",
    "1e9f91c5cda5b97c57a6e27ee38ab550", "0de949a21f8d1e720be3ad4836c80a14",
    "09fbf416b36dc67d6213bfc82265577e", "6fbf883362727fa0182e48b0c915b688",
    "603bb9ea2bb2ca9c5ceb0860c49d28f0", "b987413910661601d3cbc788178dc7dd",
    "fcab0b0386086227ecdd846dd1590b7c", "c2afa307bd7f6edd026941175371e6da",
    "9148be74ce31c2b72c2e1d395324b2a2", "043a43e4e987c33ed636c16ebb66c249",
    "44fd7d95df7281870a6c496984f9a10d", "165be283b963e1297a4ad02a89b200b8",
    "d874d3464464d2593481e97be30fb566", "1a128444b7f0989c89cdfd516b8d9486",
    "d45d7f1ef1a958802430e06979859c30", "4ea7f022ea3c1bbedcdd2a4ae8745b70",
    "a6eb844ff26c9290f519ce63ac2c2e4b", "872f93244fa89c192bb0a4341057f322",
    "64d563e856de67a3ad9280b0aed2121f", "7c3b9d93287c9af1fbfff331d27828a3",
    "6d235ef0edb92f107d88dba574e0c97c", "aace2fadeaab434b646af7de763e87a4",
    "8e1985f01049c3606be4f1785022a05c", "1e6d01518d102aed6e63e1cd7fdd9805",
    "64c16dd717727e0f4548d5f53723ffaf", "c10e657056b7beaa270cc83919a66113",
    "31cbb4658bfd56c4a7cca4dbc70a7550", "05d45f8f33a35a6f7bbb5c7900e94f61",
    "865337aab90ba967b9f19fc4acdd764c", "cd04765989ac286fd28670a69e339c0a",
    "c832dd52362022f746a514fd86b9d3bc", "de055287cf5cf99d85854b2dd2bbfa81",
    "1686a0fb4c1730b753a262784ccf3707", "654e543f7bb95da9692055d67ab3c199",
    "ef7dcf69ac11e015136106e05d6f6cb4", "3094879e923b3325bff0e80538389843",
    "227d361b4427c51f77025c67a1ad0de4", "2039833970f9d69be879f6822d2b42fb",
    "f19ec15750a8e13cececef23132820e2", "4b4a291f8d0182cac9480568d67e36f6",
    "21b48f06326e8a5320ea0b6eda064396", "4055a7f0b6235aa6602bfd602b159ea0",
    "8d6c2184808b2a62af9e98d9c57d61ba", "e0bb41731791ce29d38f6dbf73e9cfc3",
    "1e98d2ae3701c85e0197a50846102318", "d8c7f13bcfe8e8951dd6d7f6fdc09984",
    "160e97573d624ef07f30b1bc13396dd1", "a947c0f3584fb44044637ada74b1f4a2",
    "85d3d6050d6f5c93180fc1922e7da705", "88fbe65a96da0fbf1cd8ab5330836456",
    "36702871135b01d8e6abbfe869c417b9", "4ec627ddbf4c36e278cd878408e11cb5",
    "eafa616933dd1139e67f8df6f7e0a2d6", "81025fed0ef162e9c02dd2a88f135883",
    "012bc7865712e463912d0148329cdc82", "ef505906cfa5eab3d22c001a3d37be6b",
    "8af0895cbe3db4f9b8d30318fedec01a", "e9b55249f27638099b27a5186400fe36",
    "3095f5885ecd5a47d4c239b2f76e3878", "68cf88e336fbf6b6abb7460acf983cec",
    "d0728ed78562af3a32076c81418c46ef", "fd8cacf510c3e0790b01f682faa50521",
    "70db3e307211b11d3b5c617489cdb02f", "9ce62b2cb93f549533f796fc89281084",
    "9edfe4473d452fbfe2abc8052bcf2b30", "0c486f3b73064d0f935f9d3cd36dcd43",
    "2daa92cb31b81c2547eac189e407c532", "4c238935f930342abb576cefcb6dfff8",
    "93737ca710ab168d19cba71bff93364a", "20b61c1cf7c168ed363d7a8033b78567",
    "7f505f98dfb04f33a9451d5ca84b84c2", "ca210ca65783214b07f6974558ddd244",
    "de71506cb4ad689574502e961bd48b05", "3b6b5b4023321dfc658a622c4575c8c6",
    "6e47148c93bbcc65f192cff3c7a44666", "8267540204a5338bde6101b6927cf7c4",
    "8f703dd7d26dc3152d15a5d97e3aa5c1", "a680b3414b5383d93aae2cb8fddf9bc2",
    "c72f625f9167b026d982366798662d97", "39f24f9288f70cdd2598e1cd0254ba7d",
    "9f88342cf754f46ed1d0d1aa2ce65cfc", "e2625a1fe6f81967abe31bb918b15f9c",
    "d232f156c2eb87f4d3d99e5fdfe62a60", "57655646f9c84324a06d5ab2fc46599b",
    "0eac07f78adfe0901234a9b3ec0be351", "4b6281f73b329ca91334e3f4287abee1",
    "302b2a7442e957693bb32b15763b5c35", "a2b4c92de4f40919d49b9451348e9e7f",
    "db3a717a926917cb10cb7eb0e0879b2e", "67040f96ecfbee4e83943041b905d4ec",
    "fa00551950cb806a3ed9eafab0aeb1ea", "84e3d3ee0bc9d9174a1ed63e5347fbdb",
    "36f051c1afed7da00fa9f43614896344", "93ca202316b43796ef1e6affc967d851",
    "26f5d0b44ac9a6db1baa4c82a346692d",
};

static void noise(unsigned char *bytes, size_t count)
{
    uint32_t state = 1;

    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(state >> 24);
    }
}

static void assert_sum(const unsigned char *bytes, size_t count,
                       const char *want)
{
    struct pp_city128 sum = pp_cityhash128(bytes, count);
    unsigned char raw[sizeof(sum)];
    char got[2 * sizeof(sum) + 1];

    memcpy(raw, &sum, sizeof(sum));
    for (size_t i = 0; i < sizeof(raw); i++)
        snprintf(got + 2 * i, 3, "%02x", raw[i]);
    if (strcmp(got, want) != 0)
        fail_msg("%zu bytes: %s, not %s", count, got, want);
}

static void a_sum_is_that_of_the_original_at_every_short_length(void **state)
{
    unsigned char bytes[PP_COUNT(short_sums)];

    (void)state;
    noise(bytes, sizeof(bytes));
    for (size_t i = 0; i < PP_COUNT(short_sums); i++)
        assert_sum(bytes, i, short_sums[i]);
}

static void a_sum_is_that_of_the_original_at_large_lengths(void **state)
{
    static const struct {
        size_t count;
        const char *sum;
    } cases[] = {
        {131, "ee4c754e9b86bcf93e4bf49739ab2eb9"},
        {143, "eac06a913af85d4aa79703e5a5406efd"},
        {144, "3909e4141eeedb32b886a40ac6a81f5d"},
        {145, "cb279e889b71b7c0729e8e000f838a03"},
        {159, "2ba86ea4dae2555eb5bb305a74d13f14"},
        {255, "0774a133c7c28e01403b270bbe403e6c"},
        {256, "271528bb330648c61ada7da14f9ff01e"},
        {257, "1409da3047ec85be2014e1598d92d29c"},
        {1000, "0604922171f2217d4aa7d3b23f5d34e7"},
        {4096, "f1d3b693208e368661154fd3c806d7c9"},
        {65537, "59eb041db7b4893a4974e142fae10527"},
        {1048576, "b199a0cac162f03623f417c95324d238"},
        {1048585, "293813bbac3ceee5bbe16c013148c746"},
    };
    size_t most = cases[PP_COUNT(cases) - 1].count;
    unsigned char *bytes = pp_calloc(most, 1);

    (void)state;
    noise(bytes, most);
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        assert_sum(bytes, cases[i].count, cases[i].sum);
    free(bytes);
}

static void a_sum_does_not_depend_on_where_the_bytes_lie(void **state)
{
    unsigned char bytes[PP_COUNT(short_sums) + 8];

    (void)state;
    for (size_t shift = 1; shift < 8; shift++) {
        noise(bytes + shift, PP_COUNT(short_sums));
        for (size_t i = 0; i < PP_COUNT(short_sums); i++)
            assert_sum(bytes + shift, i, short_sums[i]);
    }
}

int main(void)
{
    const struct CMUnitTest cityhash[] = {
        cmocka_unit_test(a_sum_is_that_of_the_original_at_every_short_length),
        cmocka_unit_test(a_sum_is_that_of_the_original_at_large_lengths),
        cmocka_unit_test(a_sum_does_not_depend_on_where_the_bytes_lie),
    };

    return cmocka_run_group_tests(cityhash, NULL, NULL);
}
