# Loops: one clean, one with a spill, one that reads an array on the stack.
	.p2align	4                               # -- Begin function spilled
spilled:
# %bb.0:
	subq	$64, %rsp
.LBB0_1:                                # =>This Loop Header: Depth=1
                                        #     Child Loop BB0_2 Depth 2
                                        #     Child Loop BB0_3 Depth 2
	vmovups	%ymm1, 32(%rsp)                 # 32-byte Spill
.LBB0_2:                                #   Parent Loop BB0_1 Depth=1
                                        # =>  This Inner Loop Header: Depth=2
	vfmadd231ps	(%rsi,%rax), %ymm0, %ymm1
	addq	$8, %rax
	jne	.LBB0_2
.LBB0_3:                                #   Parent Loop BB0_1 Depth=1
                                        # =>  This Inner Loop Header: Depth=2
	vmulps	(%rsi,%rax), %ymm0, %ymm2
	jae	.LBB0_4
# %bb.5:                                #   in Loop: Header=BB0_3 Depth=2
	vaddps	32(%rsp), %ymm2, %ymm1          # 32-byte Folded Reload
	jne	.LBB0_3
	jmp	.LBB0_1
.LBB0_4:                                # =>This Inner Loop Header: Depth=1
	vaddps	(%rsp,%rax,4), %ymm2, %ymm2
	vbroadcastss	12(%rsp), %ymm3         # 4-byte Folded Reload
	jne	.LBB0_4
# %bb.6:
	callq	memcpy@PLT
	jmp	expf@PLT                        # TAILCALL
